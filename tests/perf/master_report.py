# SPDX-License-Identifier: Apache-2.0
"""The table of scripts/bench master from lines "side round name value": medians over the rounds, ratios, and the floor."""
import statistics
import sys

ROWS = [  # name, what it is, unit, more is better
    ("create_1", "durable creates, 1 client", "/s", True),
    ("create_1_p99_ms", "p99 of them", "ms", False),
    ("create_32", "durable creates, 32 clients", "/s", True),
    ("create_32_p99_ms", "p99 of them", "ms", False),
    ("delete_32", "deletes, 32 clients", "/s", True),
    ("get_1", "GET, 1 client", "/s", True),
    ("get_32", "GET, 32 clients", "/s", True),
    ("status_1", "status patches, 1 client", "/s", True),
    ("status_32", "status patches, 32 clients", "/s", True),
    ("lease_1", "lease updates, 1 client", "/s", True),
    ("lease_32", "lease updates, 32 clients", "/s", True),
    ("list_ms", "LIST of the pods, JSON, no gzip", "ms", False),
    ("list_mb", "its size", "MB", None),
    ("list_gzip_ms", "LIST, JSON, gzip asked for", "ms", False),
    ("list_gzip_mb", "its size", "MB", None),
    ("list_protobuf_ms", "LIST, protobuf", "ms", False),
    ("list_protobuf_mb", "its size", "MB", None),
    ("watch_events", "events delivered to 100 watchers", "/s", True),
    ("watch_writes", "status patches beside them, 32 clients", "/s", True),
    ("ready_empty", "start to ready, empty", "ms", False),
    ("ready_full", "start to ready, all objects", "ms", False),
    ("rss_idle", "memory idle", "MB", False),
    ("rss_pods", "memory with the pods", "MB", False),
    ("rss_after", "memory after the load", "MB", False),
    ("rss_full", "memory after the start with all objects", "MB", False),
]


def shown(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def main(path):
    values = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            side, _, name, value = line.split()
            values.setdefault((side, name), []).append(float(value))
    median = {key: statistics.median(found) for key, found in values.items()}
    print("| | floor | upstream | Keelson | Keelson against upstream | processor time of one, µs |\n|---|---|---|---|---|---|")
    for name, title, unit, more in ROWS:
        floor, peer, own = (median.get((side, name)) for side in ("floor", "upstream", "keelson"))
        ratio = ""
        if peer and own and more is not None:
            etcd = median.get(("upstream", name + "_etcd"), 0)
            factor = own / peer if more else (peer + etcd) / own
            ratio = f"{factor:.1f} times " + ("as many" if more else "less")
        text = shown(peer)
        if ("upstream", name + "_etcd") in median:
            text += f" + {shown(median[('upstream', name + '_etcd')])} etcd"
        if floor is None and peer is None and own is None:
            continue
        processor = [median.get((side, name.removesuffix("_ms") + "_cpu_us")) for side in ("upstream", "keelson")]
        processor = f"{shown(processor[0])} against {shown(processor[1])}" if processor[1] and not name.endswith("p99_ms") else ""
        print(f"| {title}, {unit} | {shown(floor)} | {text} | {shown(own)} | {ratio} | {processor} |")


main(sys.argv[1])
