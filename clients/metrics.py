"""The metrics by the parser of Prometheus' own Python client, from a listener without a token and through the API."""

import sys, urllib.error, urllib.request
from check import ACCOUNT, HASH, ORIGIN, PICTURE, TOKEN, done, holds, same
from cloudflare import Cloudflare
from prometheus_client.parser import text_string_to_metric_families

METRICS = f"http://{sys.argv[1]}"


def status(url, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status
    except urllib.error.HTTPError as error:
        return error.code


def families(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        same("content type", answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def value(all, family, sample=None, **labels):
    found = [entry.value for entry in all[family].samples
             if entry.name == (sample or entry.name) and labels.items() <= entry.labels.items()]
    return sum(found)


client = Cloudflare(api_token=TOKEN, base_url=f"{ORIGIN}/client/v4")
image = client.images.v1.create(account_id=ACCOUNT, id="one", file=PICTURE)
client.images.v1.create(account_id=ACCOUNT, id="two", file=PICTURE, require_signed_urls=True)
same("a picture", status(f"{ORIGIN}/{HASH}/one/public"), 200)
same("a refusal", status(f"{ORIGIN}/{HASH}/two/public"), 403)

all = families(f"{METRICS}/metrics")
with_token = families(f"{ORIGIN}/metrics", Authorization=f"Bearer {TOKEN}")
same("both have the same families", sorted(all), sorted(with_token))
for family in all.values():
    holds(f"{family.name} has samples and a meaning", family.samples and family.documentation and family.type != "unknown")
    for sample in family.samples:
        holds(f"{sample.name} tells of nobody", set(sample.labels) <= {"class", "status", "type", "span", "le", "cause", "version"})
    if family.type == "histogram":
        for key in {tuple(pair for pair in sample.labels.items() if pair[0] != "le") for sample in family.samples}:
            own = [sample for sample in family.samples if set(key) <= set(sample.labels.items())]
            buckets = [sample.value for sample in own if sample.name.endswith("_bucket")]
            count = [sample.value for sample in own if sample.name.endswith("_count")]
            same(f"{family.name} {key} grows to its count", (sorted(buckets), [buckets[-1]]), (buckets, count))

same("pictures", value(all, "safelight_requests", **{"class": "render", "status": "200"}), 1)
same("refusals", value(all, "safelight_requests", **{"class": "delivery", "status": "403"}), 1)
same("uploads", value(all, "safelight_requests", **{"class": "upload", "status": "200"}), 2)
same("errors", value(all, "safelight_errors", type="security"), 1)
same("spans", value(all, "safelight_request_span_duration_seconds", "safelight_request_span_duration_seconds_count"), 3)
same("this request", value(all, "safelight_requests_in_progress"), 1)
holds("workers", value(all, "safelight_workers") >= 1)
same("utilization", value(all, "safelight_workers_utilization"), 0)
same("knowledge", value(all, "safelight_catalog_age_seconds"), 0)
holds("memory", value(all, "process_resident_memory_bytes") > 1e6)
holds("processor", value(all, "process_cpu_seconds") > 0)
same("version", len(all["safelight_build_info"].samples), 1)

for path in ("/", "/health/ready", "/metrics/", f"/{HASH}/one/public", "/dashboard/", "/safelight/v1/whoami"):
    same(f"nothing at {path}", status(METRICS + path, Authorization=f"Bearer {TOKEN}"), 404)
same("no token, no metrics", status(f"{ORIGIN}/metrics"), 401)
done()
