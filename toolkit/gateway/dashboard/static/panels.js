// One function a panel: from the answer of api/llm/live to elements.
import { swapColumns, timeline, vramBar } from "./charts.js";
import { ago, byId, count, make, none, note, percent, seconds, table } from "./dom.js";

const fill = (id, ...children) => byId(id).replaceChildren(...children);

export function showAll(live) {
  showTiles(live);
  showMemory(live);
  showQueue(live.queue);
  showSwaps(live);
  showModels(live.models);
  showReasons(live);
  showRecent(live.recent);
}

function showTiles(live) {
  const tile = (title, figure, text) => make("div", { class: "tile" },
    make("dt", {}, title), make("dd", { class: "figure" }, figure), make("dd", { class: "note" }, text));
  const latest = live.latest;
  fill("tiles",
    tile("Hit rate", percent(latest.hit_rate), `latest ${count(latest.requests)}; since start ${percent(live.hit_rate)}`),
    tile("Mean swap", seconds(live.swap_s.mean), `p95 ${seconds(live.swap_s.p95)}`),
    tile("Swaps", count(live.swaps), `since start, ${ago(live.uptime_s)}`),
    tile("Requests", count(live.requests), `${count(live.queue.running)} being answered`),
    tile("Prefix cache", percent(latest.prefix_cache.rate),
      `of ${count(latest.prefix_cache.judged)} prompts that could be judged`),
    tile("Waiting", count(live.queue.waiting), `p95 in the queue ${seconds(latest.waited_s.p95)}`),
  );
}

function showMemory(live) {
  const several = Object.keys(live.queue.hosts).length > 1;
  fill("memory", ...Object.entries(live.queue.hosts).flatMap(([name, host]) => {
    const past = live.timeline.hosts[name] ?? { stays: [], most_vram_bytes: 0 };
    return [
      ...(several || !host.ready ? [make("h3", { class: host.ready ? "" : "error" },
        host.ready ? name : `${name} does not answer; this is what was seen last`)] : []),
      ...vramBar(host.in_memory, past.most_vram_bytes),
      ...(host.loading === null ? [] : [note(`${host.loading} is being loaded.`)]),
      make("h3", {}, "Timeline"),
      ...timeline(past.stays, live.timeline.span_s, live.uptime_s),
    ];
  }));
}

function showQueue(queue) {
  const rows = Object.entries(queue.hosts).flatMap(([host, its]) => {
    const models = new Set([...Object.keys(its.waiting_by_model), ...Object.keys(its.running_by_model)]);
    return [...models].sort().map((model) => ({
      host, model, waiting: its.waiting_by_model[model] ?? 0, running: its.running_by_model[model] ?? 0,
      state: its.loading === model ? "being loaded" : its.in_memory.some((row) => row.model === model) ? "in memory" : "on disk",
    }));
  });
  if (rows.length === 0) return fill("queue", note("Nobody waits, and nobody is being answered."));
  return fill("queue", table("Requests under way by model", [
    ["Model", (row) => row.model, "model"], ["Host", (row) => row.host], ["State", (row) => row.state],
    ["Waiting", (row) => count(row.waiting), "number"], ["Being answered", (row) => count(row.running), "number"],
  ], rows));
}

function showSwaps(live) {
  if (live.latest_swaps.length === 0) return fill("swaps", note("No model had to be loaded so far."));
  return fill("swaps", ...swapColumns(live.latest_swaps));
}

function showModels(models) {
  const rows = Object.entries(models).sort(([, one], [, other]) => other.requests - one.requests);
  if (rows.length === 0) return fill("models", note("No request so far."));
  return fill("models", table("Requests by model since the start", [
    ["Model", ([name]) => name, "model"], ["Requests", ([, its]) => count(its.requests), "number"],
    ["Share", ([, its]) => percent(its.share), "number"], ["Tokens in", ([, its]) => count(its.prompt_tokens), "number"],
    ["Tokens out", ([, its]) => count(its.answer_tokens), "number"],
  ], rows));
}

function showReasons(live) {
  const list = (caption, counts) => table(caption, [
    [caption, ([name]) => name], ["Requests", ([, number]) => count(number), "number"],
  ], Object.entries(counts));
  const errors = Object.keys(live.errors).length === 0 ? note("No errors.") : list("Error", live.errors);
  const reasons = Object.keys(live.routing).length === 0 ? note("No request so far.") : list("Reason", live.routing);
  return fill("reasons", reasons, make("h3", {}, "Errors"), errors);
}

function showRecent(recent) {
  if (recent.length === 0) return fill("recent", note("No request so far. Ask something below."));
  return fill("recent", table("The latest requests, newest first", [
    ["When", (row) => ago(row.age_s)], ["Model", (row) => row.model, "model"], ["Why this model", (row) => row.reason],
    ["Found", (row) => row.cache ?? none, (row) => row.cache ?? ""],
    ["Loaded in", (row) => (row.cache === "hit" ? none : seconds(row.load_s)), "number"],
    ["Waited", (row) => seconds(row.waited_s), "number"],
    ["Tokens", (row) => `${count(row.prompt_tokens)} → ${count(row.answer_tokens)}`, "number"],
    ["Outcome", (row) => row.outcome, (row) => (row.outcome === "ok" ? "ok" : "error")],
  ], recent));
}
