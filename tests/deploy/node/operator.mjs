// SPDX-License-Identifier: Apache-2.0
// Checks resources of the Prometheus operator by the schemas of its definitions: a JSON array of them on standard input; a
// JSON array of what is wrong, one text or null for each, on standard output. The schemas let unknown names pass, so each
// name is also looked for among all names of the definitions.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const models = await import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1');
const packages = fileURLToPath(new URL('node_modules/', import.meta.url));
const folders = ['@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1', 'kubernetes-models/v1',
                 '@kubernetes-models/apimachinery/apis/meta/v1'];
const names = new Set();
for (const folder of folders)
    for (const file of readdirSync(packages + folder).filter(file => file.endsWith('.d.ts')))
        for (const [, name] of readFileSync(`${packages}${folder}/${file}`, 'utf8').matchAll(/^\s*"?([\w-]+)"?\??:/gm))
            names.add(name);

// The keys of these are whatever one likes.
const free = new Set(['labels', 'annotations', 'matchLabels', 'externalLabels', 'requests', 'limits']);

function unknown(value, path) {
    if (Array.isArray(value)) return value.flatMap((item, i) => unknown(item, `${path}[${i}]`));
    if (value === null || typeof value !== 'object') return [];
    return Object.entries(value).flatMap(([name, below]) =>
        names.has(name) ? (free.has(name) ? [] : unknown(below, `${path}.${name}`)) : [`${path}.${name} is unknown`]);
}

function problem(resource) {
    const model = models[resource.kind];
    if (!model || resource.apiVersion !== model.apiVersion) return `no such kind: ${resource.apiVersion} ${resource.kind}`;
    const checked = structuredClone(resource);
    // This package takes the claim's template for a kind of its own, which has to be named; the operator does not.
    Object.assign(checked.spec.storage?.volumeClaimTemplate ?? {},
                  { apiVersion: 'monitoring.coreos.com/v1', kind: 'EmbeddedPersistentVolumeClaim' });
    try {
        new model(checked).validate();
    } catch (error) {
        return error.message;
    }
    return unknown(resource.spec, 'spec').join(', ') || null;
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(problem)));
