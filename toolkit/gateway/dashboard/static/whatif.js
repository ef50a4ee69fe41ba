// What if? Another strategy on the gateway's own requests: asked for here, computed by the gateway, found again after a reload.
import { byId, count, make, none, note, percent, seconds, table } from "./dom.js";
import { call, readJson, told } from "./door.js";

const PATH = "api/llm/what-if";
const SELDOM = 10; // looks of the page between two of this panel, while nothing is computed
let looks = 0;
let running = false;
let shown = "";

export async function lookAtWhatIf() {
  if (running || looks++ % SELDOM === 0) show(await readJson(PATH));
}

export function watchWhatIf() {
  byId("what-if").addEventListener("submit", (event) => {
    event.preventDefault();
    const strategies = [...document.querySelectorAll("#strategies input:checked")].map((box) => box.value);
    if (strategies.length === 0) return say("Choose at least one strategy.", true);
    send("POST", { strategies, since: byId("since").value || null });
  });
  byId("give-up").addEventListener("click", () => send("DELETE"));
}

async function send(method, question) {
  const body = question === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(question) };
  try {
    const answer = await call(PATH, { method, ...body });
    if (!answer.ok) throw new Error(await told(answer));
    show(await answer.json());
    if (method === "DELETE") byId("compare").focus();
  } catch (error) {
    say(error.message, true);
  }
}

function show(desk) {
  running = desk.state === "running";
  byId("what-if").hidden = desk.state === "off";
  if (desk.state === "off") return say(`Not here: ${desk.why}.`);
  offer(desk);
  byId("compare").disabled = running || !desk.may_ask;
  byId("give-up").disabled = !running || !desk.may_ask;
  const bar = byId("what-if-progress");
  bar.hidden = !running;
  if (running && desk.of) {
    bar.max = desk.of;
    bar.value = desk.answered;
  } else bar.removeAttribute("value");
  say(words(desk), desk.state === "failed");
  answer(desk);
}

function words(desk) {
  if (desk.state === "running") {
    return desk.of ? `Playing ${count(desk.of)} requests…` : "Reading the trace…";
  }
  if (desk.state === "failed") return `No comparison: ${desk.why}`;
  if (desk.state === "cancelled") return "Cancelled.";
  if (desk.state === "done") return `Done in ${seconds(desk.took_s)}.`;
  return desk.may_ask ? "" : "Only an admin key may begin a comparison.";
}

function say(text, bad = false) {
  const state = byId("what-if-state");
  state.className = bad ? "error" : "note";
  if (state.textContent !== text) state.textContent = text;
}

// The boxes are made once, so that nobody's choice is lost while the page looks again.
function offer(desk) {
  const place = byId("strategies");
  if (place.querySelector("input")) return;
  place.append(
    note(`Beside ${desk.in_use}, which is in use. Each behind a queue like the gateway's, ${desk.queue}.`),
    ...desk.offered.map(({ name, does }) => {
      const box = make("input", { type: "checkbox", value: name });
      box.checked = desk.asked ? desk.asked.strategies.includes(name) : name === "lru";
      return make("label", { class: "choice" }, box, make("span", {}, name), make("small", {}, does));
    }),
  );
  if (desk.asked) byId("since").value = desk.asked.since ?? "";
}

function answer(desk) {
  const now = JSON.stringify(desk.result ?? null) + (desk.report ?? "");
  if (now === shown) return;
  shown = now;
  const place = byId("what-if-answer");
  if (!desk.result) return place.replaceChildren();
  const { verdict, rows, optimum_hit_rate: most, notes } = desk.result;
  const lead = most === null || rows.some((row) => row.hit_rate > most) ? [] : [note(`Taking the requests in their order, at most ${percent(most)} could be hits, even knowing the future.`)];
  return place.replaceChildren(
    make("p", { class: "verdict" }, verdict),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of strategies" },
      table("What each strategy would have done", [
        ["Strategy", (row) => row.strategy + (row.in_use ? " (in use)" : "")],
        ["Best", (row) => (row.best ? "best" : ""), (row) => (row.best ? "ok" : "")],
        ["Hit rate", (row) => percent(row.hit_rate), "number"],
        ["Swaps", (row) => count(row.swaps), "number"],
        ["Mean wait", (row) => seconds(row.wait_mean_s), "number"],
        ["p95", (row) => seconds(row.wait_p95_s), "number"],
        ["Answered", (row) => (row.answered === row.requests ? count(row.answered) : `${count(row.answered)} of ${count(row.requests)}`), "number"],
      ], rows)),
    ...lead,
    make("p", {}, make("a", { href: desk.report ?? none, target: "_blank", rel: "noopener" }, "The whole report")),
    make("details", {}, make("summary", {}, `Notes (${notes.length})`), make("ul", {}, ...notes.map((each) => make("li", { class: "note" }, each)))),
  );
}
