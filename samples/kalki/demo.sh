# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# demo.sh - what `./dev demo` does once everything is built: starts the services and the viewer (or finds a Jaeger), sends
# requests, shows the traces and what became of every span, and leaves nothing behind however it ends.
#
# Sourced by ./dev, whose say, note, step and die it uses. Its one entry is run_demo.

# What to search for, in turn: words of the sample's documents.
searches=(wind sea+wind rope bread+oven 'ice*' the+moon storm 'anchor*')
# More trees than `many` would push each other off the screen: then only a `few` are shown.
many=20 few=3
jaeger_page=http://localhost:16686
declare -gA pids=() # -g: sourced inside of a function

# start NAME ARGUMENT...: one of our programs, out of Ctrl-C's reach, so that nothing ends before what sends to it.
start() {
    setsid "build/release/bin/$1" --port 0 "${@:2}" >"$work/$1.out" 2>"$work/$1.err" </dev/null &
    pids[$1]=$!
}

# wait_for NAME COMMAND...: until the command succeeds, as it soon will if the program runs.
wait_for() {
    local name=$1 try
    shift
    for ((try = 0; try < 200; try++)); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "${pids[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$work/$name.err" >&2
    die "$name did not start."
}

stop() {
    kill -TERM "${pids[$1]}" 2>/dev/null || true
    local status=0
    wait "${pids[$1]}" || status=$?
    unset "pids[$1]"
    [ "$status" -eq 0 ] || { cat "$work/$1.err" >&2 && die "$1 ended with exit code $status."; }
}

# However the demo ends. After its proper end nothing is left to kill.
end_demo() {
    trap '' INT TERM HUP
    [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null
    rm -rf "$work"
}

# Copies the viewer's first $1 trees, and counts all, as long as the viewer writes.
copy_trees() {
    trap '' INT
    local line
    local -A traces=()
    while IFS= read -r line; do
        if [[ $line =~ ^[^a-z]*(1m)?trace\ ([0-9a-f]{32}) ]]; then traces[${BASH_REMATCH[2]}]=; fi
        [ "${#traces[@]}" -gt "$1" ] || [[ $line == otel-view:* ]] || say "$line"
    done
    say "${#traces[@]} traces$([ "${#traces[@]}" -le "$1" ] || say ", the first $1 of them above")" >"$work/traces"
}

# start_viewer TREES: leaves its address in $viewer.
start_viewer() {
    mkfifo "$work/otel-view.out"
    copy_trees "$1" <"$work/otel-view.out" &
    copier=$!
    # It sees a pipe, and has to be told about the terminal.
    local color=${plain:+always}
    COLUMNS=${plain:+$(tput cols 2>/dev/null || true)} start otel-view --ready-file "$work/port" --max-traces 100000 --color "${color:-never}"
    wait_for otel-view test -s "$work/port"
    viewer=http://127.0.0.1:$(cat "$work/port")
}

# start_service NAME ARGUMENT...: leaves its address in $service.
start_service() {
    start "$1" --ledger-file "$work/$1.json" "${@:2}"
    wait_for "$1" grep -q listening "$work/$1.out"
    service=$(sed -n 's/.*listening on //p' "$work/$1.out")
}

# ask URL...: one after the other or, when they are many, several at once; prints status, trace id and address of each.
ask() {
    local parallel=()
    [ $# -le "$many" ] || parallel=(--parallel --parallel-max 4)
    printf 'url = "%s"\noutput = /dev/null\n' "$@" | curl --silent --show-error --no-progress-meter --globoff "${parallel[@]}" \
        --write-out '%{http_code} %header{x-trace-id} %{url}\n' --config -
}

send() {
    local urls=() i
    for ((i = 0; i < $2; i++)); do urls+=("$1/search?q=${searches[i % ${#searches[@]}]}"); done
    step "Sending $2 searches to kalki-gateway at $1"
    ask "${urls[@]}" >"$work/answers"
    cut -d ' ' -f 1 "$work/answers" | sort | uniq -c | while read -r count status; do say "    $count answered with $status"; done
}

keep_serving() {
    say "" "Try  curl -i '$1/search?q=sea'${2:+  and  curl $2/api/traces}" "Ctrl-C ends."
    trap : INT
    wait "${pids[kalki-gateway]}" "${pids[kalki-query]}" || true
    trap 'trap "" INT TERM HUP; exit 130' INT
}

find_jaeger() {
    curl --silent --fail --output /dev/null "$jaeger_page/api/services" && return
    die "There is no Jaeger at $jaeger_page. Start one in another terminal:" \
        "    docker run --rm -p 4318:4318 -p 16686:16686 jaegertracing/jaeger" \
        "or, with Go and without the page, the one that the tests use:" \
        "    \"\$(tests/interop/jaeger/build)\""
}

# Which traces Jaeger holds, asked until it says the same twice.
show_in_jaeger() {
    local ids urls before=-1 found=0 try
    mapfile -t ids < <(cut -d ' ' -f 2 "$work/answers")
    urls=("${ids[@]/#/$jaeger_page/api/traces/}")
    for ((try = 0; try < 20 && found != before; try++)); do
        sleep 0.5
        before=$found
        ask "${urls[@]}" | sed -n "s|^200 .*/|$jaeger_page/trace/|p" >"$work/pages"
        found=$(wc -l <"$work/pages")
    done
    head -n "$many" "$work/pages"
    say "$found of ${#ids[@]} traces are in Jaeger."
}

show_ledgers() {
    local name counts
    printf '\n%-14s %9s %9s %9s %9s\n' spans made sampled exported lost
    for name in kalki-gateway kalki-query; do
        mapfile -t counts < <(grep -oE '"(made|sampled|exported|lost)":[0-9]+' "$work/$name.json" | head -n 4 | cut -d : -f 2)
        printf '%-14s %9s %9s %9s %9s\n' "$name" "${counts[@]}"
    done
}

# What the services said beside that: warnings of the SDK's, or spans when they were told to print them, and lines of their
# logs, of which many would push all the rest off the screen.
show_what_was_said() {
    local lines shown=$many
    grep -hv ': listening on \|: spans made ' "$work"/kalki-*.out "$work"/kalki-*.err | sort -u >"$work/said" || true
    grep -v '^{"time":' "$work/said" || true
    lines=$(grep -c '^{"time":' "$work/said" || true)
    [ "$lines" -gt 0 ] || return 0
    [ "$lines" -le "$many" ] || shown=$few
    say "" "Their logs have $lines lines$([ "$lines" -le "$many" ] || say ", the first $few of them here"); each names its trace:"
    grep --max-count="$shown" '^{"time":' "$work/said"
}

# use_zipkin VIEWER: Zipkin's format to the viewer, or without one to the port of Zipkin, which Jaeger takes it on too.
use_zipkin() {
    export OTEL_TRACES_EXPORTER=zipkin
    [ -z "$1" ] || export OTEL_EXPORTER_ZIPKIN_ENDPOINT=$1/api/v2/spans
}

# use_jaeger VIEWER: Jaeger's own format, over HTTP unless the environment has chosen UDP; without a viewer to the ports of
# Jaeger.
use_jaeger() {
    export OTEL_TRACES_EXPORTER=jaeger
    [ -n "$1" ] || return 0
    export OTEL_EXPORTER_JAEGER_ENDPOINT=$1/api/traces OTEL_EXPORTER_JAEGER_AGENT_HOST=127.0.0.1
    export OTEL_EXPORTER_JAEGER_AGENT_PORT=${1##*:}
}

# play REQUESTS FAIL_EVERY JAEGER KEEP EXPORTER
play() {
    local service viewer='' trees=100000
    export {no_proxy,NO_PROXY}="127.0.0.1,localhost,${no_proxy:-${NO_PROXY:-}}"
    if [ -n "$3" ]; then
        find_jaeger
    else
        [ "$1" -le "$many" ] || [ -n "$4" ] || trees=$few
        start_viewer "$trees"
        export OTEL_EXPORTER_OTLP_ENDPOINT=${OTEL_EXPORTER_OTLP_ENDPOINT:-$viewer}
        [ "$OTEL_EXPORTER_OTLP_ENDPOINT" = "$viewer" ] || note "The environment sends spans to $OTEL_EXPORTER_OTLP_ENDPOINT."
    fi
    [ "$5" != otlp-json ] || export OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/json
    [ "$5" != zipkin ] || use_zipkin "$viewer"
    [ "$5" != jaeger ] || use_jaeger "$viewer"
    [ -z "$4" ] || export OTEL_BSP_SCHEDULE_DELAY=${OTEL_BSP_SCHEDULE_DELAY:-500}
    start_service kalki-query --fail-every "$2"
    start_service kalki-gateway --query-url "$service"
    send "$service" "$1"
    [ -z "$4" ] || keep_serving "$service" "$viewer"
    stop kalki-gateway
    stop kalki-query
    if [ -n "$viewer" ]; then
        stop otel-view
        wait "$copier"
        cat "$work/traces"
    else
        show_in_jaeger
    fi
    show_ledgers
    show_what_was_said
    note "The services are in samples/kalki; ./dev help shows what else the demo can do."
}

# run_demo REQUESTS FAIL_EVERY JAEGER KEEP EXPORTER: JAEGER and KEEP are on when they are not empty, EXPORTER is otlp,
# otlp-json, zipkin or jaeger.
run_demo() {
    work=$(mktemp -d)
    trap end_demo EXIT
    trap 'trap "" INT TERM HUP; exit 130' INT TERM HUP
    play "$@"
}
