# SPDX-License-Identifier: Apache-2.0
"""What the sample services' traces must look like, request by request.

The values are those that samples/kalki promises, written down a second time on purpose: only what cannot be known
beforehand, such as libcurl's words for an error, is described instead of named. What a search finds was worked out
apart from the sample, from its documents and the definition of BM25.
"""

import math
from dataclasses import dataclass, replace
from typing import Sequence, Tuple
from urllib.parse import quote

from spans import CLIENT, ERROR, HAS_IS_REMOTE, INTERNAL, SERVER, UNSET
from tree_check import Some, Want, WantEvent, WantLink, array, boolean, double, integer, string

GATEWAY, QUERY = "kalki-gateway", "kalki-query"
SERVICES = (GATEWAY, QUERY)
SCOPES = {GATEWAY: ("kalki.gateway", "1.0.0"), QUERY: ("kalki.query", "1.0.0")}
BUILD_INDEX = "build index"

AGENT = "interop/1.0"
HEADERS = {"User-Agent": AGENT}

DOCUMENTS, TERMS, SHARDS = 36, 387, 3


@dataclass
class Search:
    """A query string, what the services make of it, and what they find."""

    query: str
    text: str
    terms: Sequence[str]
    prefixes: Sequence[bool]
    stop_words: Sequence[str]
    matches: Sequence[int]
    scores: Sequence[float]
    best: Tuple[int, str] = ()

    @property
    def path(self):
        return f"/search?{self.query}"

    @property
    def passed_on(self):
        """The query string that the gateway sends on, escaped as libcurl does."""
        return "q=" + quote(self.text, safe="")


# Words to ignore, a prefix, more matches than are shown.
SQUALL = Search(
    query="q=the+squall*+and+the+wind",
    text="the squall* and the wind",
    terms=("squall", "wind"),
    prefixes=(True, False),
    stop_words=("the", "and", "the"),
    matches=(5, 5, 3),
    scores=(5.138758199139072, 1.5049753287012235, 1.3984154848649586, 1.2965524864170612, 1.1172153156883162),
    best=(4, "Squall lines"),
)
# Letters beyond ASCII, empty arrays, zeros, no best document.
NOTHING = Search(
    query="q=w%C3%AFnd",
    text="wïnd",
    terms=("wïnd",),
    prefixes=(False,),
    stop_words=(),
    matches=(0, 0, 0),
    scores=(),
)
# A word that makes the search fail.
FAIL = Search(
    query="q=fail+safe",
    text="fail safe",
    terms=("fail", "safe"),
    prefixes=(False, False),
    stop_words=(),
    matches=(0, 0, 0),
    scores=(),
)


@dataclass
class Failure:
    """A way to fail on purpose: how it is asked for, and what both services make of it."""

    argument: str
    error_type: str
    exception: str
    message: str
    query_status: int
    gateway_status: int


CORRUPT = Failure(
    argument="&fail=error",
    error_type="shard_corrupt",
    exception="ShardCorrupt",
    message="shard 1: the checksum of block 17 is wrong",
    query_status=500,
    gateway_status=502,
)
CORRUPT_BY_WORD = replace(CORRUPT, argument="")
TIMEOUT = Failure(
    argument="&fail=timeout",
    error_type="timeout",
    exception="ShardTimeout",
    message="shard 1 did not answer within 50 ms",
    query_status=504,
    gateway_status=504,
)


def resources(sdk_version):
    common = {
        "telemetry.sdk.name": string("otel-c"),
        "telemetry.sdk.language": string("c"),
        "telemetry.sdk.version": string(sdk_version),
        "deployment.environment.name": string("interop"),
    }
    return {service: {"service.name": string(service), **common} for service in SERVICES}


WHOLE_SEARCH = sorted(
    [
        (GATEWAY, "GET /search", SERVER),
        (GATEWAY, "GET", CLIENT),
        (QUERY, "GET /query", SERVER),
        (QUERY, "parse query", INTERNAL),
        (QUERY, "index lookup", INTERNAL),
        (QUERY, "rank", INTERNAL),
    ]
)


def near(wanted):
    """A double that may differ in the last digits, as logarithms do between C libraries."""
    return Some("double", f"{wanted}", lambda found: math.isclose(found, wanted, rel_tol=1e-12))


def all_near(wanted):
    def holds(found):
        return len(found) == len(wanted) and all(item == near(each) for item, each in zip(found, wanted))

    return Some("array", f"doubles {list(wanted)}", holds)


# One function for each span of a search, outermost first.


def _served(port, path, query, agent, status, error_type):
    """What a SERVER span of either service carries."""
    attributes = {
        "http.request.method": string("GET"),
        "url.scheme": string("http"),
        "url.path": string(path),
        "http.route": string(path),
        "server.address": string("127.0.0.1"),
        "server.port": integer(port),
        "client.address": string("127.0.0.1"),
        "network.protocol.version": string("1.1"),
        "user_agent.original": string(agent),
        "http.response.status_code": integer(status),
    }
    if query:
        attributes["url.query"] = string(query)
    if error_type:
        attributes["error.type"] = string(error_type)
    return attributes


def _gateway(kalki, query, status, children):
    failed = status >= 500
    attributes = _served(kalki.gateway_port, "/search", query, AGENT, status, str(status) if failed else None)
    return Want(GATEWAY, "GET /search", SERVER, attributes, status=ERROR if failed else UNSET, children=children)


def _call(kalki, query, outcome, status=UNSET, message=string(""), children=()):
    attributes = {
        "http.request.method": string("GET"),
        "url.full": string(f"http://127.0.0.1:{kalki.query_port}/query?{query}"),
        "server.address": string("127.0.0.1"),
        "server.port": integer(kalki.query_port),
        **outcome,
    }
    return Want(GATEWAY, "GET", CLIENT, attributes, status=status, status_message=message, children=list(children))


def _answered_call(kalki, query, status, children):
    outcome = {"http.response.status_code": integer(status), "network.protocol.version": string("1.1")}
    if status >= 400:
        outcome["error.type"] = string(str(status))
    return _call(kalki, query, outcome, ERROR if status >= 400 else UNSET, children=children)


def _query(kalki, query, status, children):
    failed = status >= 500
    agent = "kalki-gateway/1.0.0"
    attributes = _served(kalki.query_port, "/query", query, agent, status, str(status) if failed else None)
    return Want(QUERY, "GET /query", SERVER, attributes, status=ERROR if failed else UNSET, children=children)


def _parse(search):
    return Want(
        QUERY,
        "parse query",
        INTERNAL,
        {
            "kalki.query.length": integer(len(search.text.encode())),
            "kalki.query.terms": array(*map(string, search.terms)),
            "kalki.query.prefixes": array(*map(boolean, search.prefixes)),
        },
        [WantEvent("stop word", {"kalki.term": string(word)}) for word in search.stop_words],
    )


def _look_up(search, failure=None):
    """Every shard in turn, or only the first when the second one fails."""
    answered = search.matches[:1] if failure else search.matches
    attributes = {
        "kalki.index.documents": integer(DOCUMENTS),
        "kalki.index.shards": array(*map(integer, range(SHARDS))),
        "kalki.index.matches": array(*map(integer, answered)),
        "kalki.index.complete": boolean(not failure),
    }
    events = [
        WantEvent("shard searched", {"kalki.shard": integer(shard), "kalki.matches": integer(found)})
        for shard, found in enumerate(answered)
    ]
    if not failure:
        attributes["kalki.index.coverage"] = double(sum(search.matches) / DOCUMENTS)
        return Want(QUERY, "index lookup", INTERNAL, attributes, events)
    attributes["error.type"] = string(failure.error_type)
    exception = {"exception.type": string(failure.exception), "exception.message": string(failure.message)}
    events.append(WantEvent("exception", exception))
    message = string(failure.message)
    return Want(QUERY, "index lookup", INTERNAL, attributes, events, status=ERROR, status_message=message)


def _rank(search, index_span):
    attributes = {
        "kalki.rank.algorithm": string("bm25"),
        "kalki.rank.candidates": integer(sum(search.matches)),
        "kalki.rank.truncated": boolean(sum(search.matches) > len(search.scores)),
        "kalki.rank.scores": all_near(search.scores),
    }
    events = []
    if search.best:
        number, title = search.best
        best = {
            "kalki.document.id": integer(number),
            "kalki.document.title": string(title),
            "kalki.document.score": near(search.scores[0]),
        }
        events.append(WantEvent("best document", best))
    about_index = {"kalki.index.documents": integer(DOCUMENTS), "kalki.index.terms": integer(TERMS)}
    flags = HAS_IS_REMOTE | (index_span.flags & 0xFF)
    link = WantLink(index_span.trace_id, index_span.span_id, about_index, flags)
    return Want(QUERY, "rank", INTERNAL, attributes, events, [link])


# The trees.


def _statement(operation, text, more=()):
    """A call of the database in memory that kalki-query has without another."""
    attributes = {
        "db.system.name": string("sqlite"),
        "db.operation.name": string(operation),
        "db.collection.name": string("documents"),
        "db.query.text": text,
        "db.namespace": string(":memory:"),
        **dict(more),
    }
    return Want(QUERY, f"{operation} documents", CLIENT, attributes)


def begins(wanted):
    return Some("string", f"{wanted}...", lambda found: found.startswith(wanted))


def build_index():
    """What kalki-query leaves when it starts: a table is made and filled with the sample's documents, and read."""
    about_index = {"kalki.index.documents": integer(DOCUMENTS), "kalki.index.terms": integer(TERMS)}
    batch = {"db.operation.batch.size": integer(DOCUMENTS)}
    calls = [
        _statement("CREATE TABLE", begins("CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, ")),
        _statement("SELECT", string("SELECT count(*) FROM documents")),
        _statement("INSERT", begins("INSERT INTO documents (id, title, text) VALUES ($1, $2, $3)"), batch),
        _statement("SELECT", string("SELECT id, title, text FROM documents WHERE id > $1 ORDER BY id LIMIT 1000")),
    ]
    return Want(QUERY, BUILD_INDEX, INTERNAL, about_index, children=calls)


def found(kalki, search, index_span):
    """A search that succeeds, with the span that its ranking links to."""
    steps = [_parse(search), _look_up(search), _rank(search, index_span)]
    inner = _answered_call(kalki, search.passed_on, 200, [_query(kalki, search.passed_on, 200, steps)])
    return _gateway(kalki, search.query, 200, [inner])


def failed(kalki, search, failure):
    """A search whose second shard fails on purpose."""
    query, passed_on = search.query + failure.argument, search.passed_on + failure.argument
    inside = _query(kalki, passed_on, failure.query_status, [_parse(search), _look_up(search, failure)])
    inner = _answered_call(kalki, passed_on, failure.query_status, [inside])
    return _gateway(kalki, query, failure.gateway_status, [inner])


def refused(kalki):
    """A request without a search: the caller's mistake, so nothing is called and nothing is an error."""
    return _gateway(kalki, None, 400, [])


def unreachable(kalki, search):
    """A search while kalki-query is down."""
    told = Some("string", "libcurl's reason", lambda text: "connect" in text.lower())
    return _gateway(
        kalki,
        search.query,
        502,
        [_call(kalki, search.passed_on, {"error.type": string("connection_failed")}, ERROR, told)],
    )
