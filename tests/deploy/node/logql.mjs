// SPDX-License-Identifier: Apache-2.0
// Reads queries in LogQL by Grafana's grammar: a JSON array of texts on standard input, and for each on standard output
// { errors: [position], selector, steps, by, range }, steps in the order in which Loki would take them.
import { readFileSync } from 'node:fs';
import { parser } from '@grafana/lezer-logql';

const unquoted = text => (text[0] === '`' ? text.slice(1, -1) : JSON.parse(text));

function read(text) {
    const found = { errors: [], selector: [], steps: [], by: [], range: null };
    const of = node => text.slice(node.from, node.to);
    const children = node => {
        const list = [];
        for (let child = node.firstChild; child; child = child.nextSibling) list.push(child);
        return list;
    };
    const comparison = node => {
        const [name, operator, value] = children(node);
        const words = of(value);
        return { name: of(name), operator: text.slice(operator.from, operator.to),
                 value: value.name === 'String' ? unquoted(words) : words };
    };
    const visit = (node, inSelector) => {
        if (node.type.isError) found.errors.push(node.from);
        switch (node.name) {
        case 'Matcher':
            (inSelector ? found.selector : found.steps).push({ kind: 'label', ...comparison(node) });
            return children(node).forEach(child => child.type.isError && found.errors.push(child.from));
        case 'NumberFilter':
            return found.steps.push({ kind: 'number', ...comparison(node) });
        case 'LineFilter': {
            const [operator, value] = children(node);
            if (!value || value.type.isError) return found.errors.push(node.to);
            return found.steps.push({ kind: 'line', operator: of(operator), value: unquoted(of(value)) });
        }
        case 'LabelParser':
            return found.steps.push({ kind: of(node), pairs: null });
        case 'JsonExpressionParser':
            found.steps.push({ kind: 'json', pairs: {} });
            break;
        case 'LabelExtractionExpression': {
            const [name, , path] = children(node);
            found.steps.at(-1).pairs[of(name)] = unquoted(of(path));
            return undefined;
        }
        case 'Grouping':
            found.by = of(node).replace(/^by\s*\(|\)$/g, '').split(',').map(label => label.trim());
            return undefined;
        case 'Range':
            found.range = of(node);
            break;
        default:
            break;
        }
        children(node).forEach(child => visit(child, inSelector || node.name === 'Selector'));
        return undefined;
    };
    try {
        visit(parser.parse(text).topNode, false);
    } catch (problem) {
        found.errors.push(String(problem));
    }
    return found;
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(read)));
