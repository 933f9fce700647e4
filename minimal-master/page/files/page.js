// SPDX-License-Identifier: Apache-2.0
// Shows state.json, asked for every two seconds while somebody looks. Whatever a cluster says is
// put in as text, never as markup.

const byId = (id) => document.getElementById(id);
const every = 2000;
let now = Date.now() / 1000;  // the cluster's clock

// An element with a class and children: texts, elements, or nothing.
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

// Writes only what differs, so that a selection and the reader's place stay.
function setText(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
}
function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

// The children of `parent` become one element for each item, kept by its key.
function sync(parent, items, keyOf, create, update) {
  const known = new Map();
  for (const child of [...parent.children]) known.set(child.dataset.key, child);
  let place = parent.firstElementChild;
  const seen = new Set();
  for (const item of items) {
    let key = keyOf(item);
    while (seen.has(key)) key += "'";
    seen.add(key);
    let element = known.get(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    known.delete(key);
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
}

const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
function age(since) {
  if (!since) return "";
  const seconds = Math.max(0, Math.floor(now - since));
  for (const [unit, size] of units) if (seconds >= size * (unit === "s" ? 0 : 2)) return Math.floor(seconds / size) + unit;
  return "0s";
}
function cores(millis) {
  return millis < 1000 ? millis + "m" : (millis / 1000).toFixed(millis < 10000 ? 2 : 1);
}
function bytes(value) {
  for (const [unit, size] of [["Gi", 2 ** 30], ["Mi", 2 ** 20], ["Ki", 2 ** 10]])
    if (value >= size) return (value / size).toFixed(value < size * 10 ? 1 : 0) + " " + unit;
  return value + "";
}
const of = (item) => (item.ns ? item.ns + "/" : "") + item.name;
const plural = (count, word) => count + " " + word + (count === 1 ? "" : "s");

function nameCell(cell, item) {
  if (cell.dataset.name === of(item)) return;
  cell.dataset.name = of(item);
  cell.replaceChildren(make("span", "ns", item.ns ? item.ns + "/" : ""), item.name);
}

// A row of a table: `cells` are classes, `fill` gets the cells.
function rows(id, items, all, keyOf, cells, fill) {
  const body = byId(id);
  sync(body, items, keyOf,
    () => make("tr", "", ...cells.map((name) => make("td", name))),
    (row, item) => {
      setClass(row, item.state || "");
      fill(row.children, item);
    });
  byId(id + "-empty").hidden = items.length > 0;
  const more = all > items.length ? `${items.length} of ${all}` : all;
  count(id + "-title", more);
}
function count(id, text) {
  const title = byId(id);
  if (!title.querySelector(".count")) title.append(make("span", "count"));
  setText(title.querySelector(".count"), text);
}

function showFindings(state) {
  sync(byId("findings"), state.findings, (f) => [f.kind, of(f), f.says].join(" "),
    () => {
      const button = make("button", "", "Log");
      button.type = "button";
      return make("li", "", make("div", "what"), make("div", "detail"), make("div", "side", make("span", ""), button));
    },
    (item, f) => {
      setClass(item, f.level);
      const [what, detail, side] = item.children;
      const many = f.count > 1 ? `${plural(f.count, "pod")}: ` : "";
      if (what.dataset.text !== many + f.says)
        what.replaceChildren(make("span", "kind", f.kind + " "), make("span", "object", of(f)), " – " + many + f.says);
      what.dataset.text = many + f.says;
      setText(detail, f.detail);
      detail.hidden = !f.detail;
      setText(side.children[0], f.since ? `for ${age(f.since)}` : "");
      side.children[1].hidden = !f.container;
      side.children[1].setAttribute("aria-label", `Log of ${f.pod}`);
      side.children[1].onclick = () => openLog(f.ns, f.pod, f.container);
    });
  const more = state.broken + state.warning + state.note - state.findings.length;
  const empty = byId("findings-empty");
  setClass(empty, more > 0 ? "empty" : "empty good");
  setText(empty, more > 0 ? `… and ${more} more` : "Nothing.");
  empty.hidden = state.findings.length > 0 && more <= 0;
  const verdict = byId("verdict");
  setClass(verdict, state.broken ? "broken" : state.warning ? "warning" : "good");
  const parts = [];
  if (state.broken) parts.push(state.broken === 1 ? "1 thing does not work" : `${state.broken} things do not work`);
  if (state.warning) parts.push(plural(state.warning, "warning"));
  setText(verdict, parts.length ? parts.join(", ") : "All is well");
  document.title = parts.length ? `(${state.broken + state.warning}) Keelson` : "Keelson";
}

function showFigures(state) {
  const states = state.podStates;
  const figures = [["Nodes", `${state.nodesReady} of ${state.nodesAll} ready`],
    ["Pods", `${states.running || 0} of ${state.podsAll} running`], ["API", state.version]];
  sync(byId("figures"), figures, (f) => f[0], (f) => make("div", "", make("dt", "", f[0]), make("dd", "")),
    (element, f) => setText(element.children[1], f[1]));
}

const order = ["broken", "warning", "failed", "starting", "ending", "note", "running", "done"];
const words = {broken: "does not work", warning: "may not work", failed: "failed", starting: "starting",
  ending: "ending", note: "worth knowing", running: "running", done: "done"};
const most = 250;  // squares of a node

function squares(element, states) {
  const text = JSON.stringify(states);
  if (element.dataset.states === text) return;
  element.dataset.states = text;
  element.replaceChildren();
  let left = most, rest = 0;
  for (const state of order) {
    const many = states[state] || 0;
    for (let i = 0; i < Math.min(many, left); ++i) element.append(make("i", state));
    rest += Math.max(0, many - left);
    left = Math.max(0, left - many);
  }
  if (rest) element.append(make("span", "", `+${rest}`));
  const told = order.filter((s) => states[s]).map((s) => `${states[s]} ${words[s]}`).join(", ");
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", told || "no pods");
  element.title = told;
}

const svg = "http://www.w3.org/2000/svg";
function meter(label) {
  const line = document.createElementNS(svg, "svg");
  line.setAttribute("viewBox", "0 0 59 20");
  line.setAttribute("preserveAspectRatio", "none");
  line.setAttribute("aria-hidden", "true");
  line.append(document.createElementNS(svg, "polyline"));
  return make("div", "meter", make("span", "label", label), make("div", "bar", make("i", "asked"), make("i", "used")), line,
    make("span", "figure"));
}
function setMeter(element, used, asked, top, past, text) {
  const [, bar, line, figure] = element.children;
  const part = (value) => (top > 0 && value !== undefined ? Math.min(100, value / top * 100) : 0) + "%";
  bar.children[0].style.width = part(asked);
  bar.children[1].style.width = part(used);
  setClass(bar.children[1], top > 0 && used / top > 0.9 ? "used high" : "used");
  const points = past || [];
  const highest = Math.max(1, ...points);
  line.firstChild.setAttribute("points", points.map((value, i) =>
    `${(60 - points.length + i - (points.length === 60 ? 0 : 1)).toFixed(0)},${(19 - value / highest * 18).toFixed(1)}`).join(" "));
  const told = used === undefined ? "no figures yet" : `${text(used)} used`;
  setText(figure, `${told}, ${text(asked)} asked for, of ${text(top)}`);
}

function showNodes(state) {
  const nodes = [...state.nodes];
  const unplaced = Object.values(state.unplaced).reduce((sum, n) => sum + n, 0);
  if (unplaced) nodes.push({name: "", states: state.unplaced});
  sync(byId("nodes"), nodes, (n) => n.name || "-",
    (n) => {
      const show = make("button", "", "Show");
      show.type = "button";
      show.onclick = () => { byId("filter").value = n.name; look(); byId("pods-title").scrollIntoView(); };
      show.hidden = !n.name;
      const card = make("article", "node", make("h3", "", make("span", ""), make("span", "chip")), make("p", "about"));
      if (n.name) card.append(meter("CPU"), meter("Memory"));
      card.append(make("div", "pods-line", make("span", ""), show), make("div", "squares"));
      return card;
    },
    (card, n) => {
      const [name, chip] = card.children[0].children;
      const line = card.querySelector(".pods-line").children[0];
      squares(card.querySelector(".squares"), n.states);
      if (!n.name) {
        setText(name, "On no node");
        chip.hidden = true;
        setText(card.children[1], "waiting for a node that can take them");
        setText(line, plural(unplaced, "pod"));
        return;
      }
      setClass(card, n.broken ? "node broken" : "node");
      setText(name, n.name);
      setText(chip, n.notes.length ? n.notes.join(", ") : n.ready ? "ready" : "not ready yet");
      setClass(chip, n.broken || !n.ready ? "chip broken" : n.notes.length ? "chip warning" : "chip");
      setText(card.children[1], [n.address, n.version, n.system].filter(Boolean).join(" · "));
      setMeter(card.children[2], n.cpu, n.cpuAsked, n.cpuMost, n.cpuPast, cores);
      setMeter(card.children[3], n.memory, n.memoryAsked, n.memoryMost, n.memoryPast, bytes);
      setText(line, n.podsMost ? `${n.pods} of ${n.podsMost} pods` : plural(n.pods, "pod"));
    });
  byId("nodes-empty").hidden = nodes.length > 0;
  count("nodes-title", state.nodesAll > state.nodes.length ? `${state.nodes.length} of ${state.nodesAll}` : state.nodesAll);
  sync(byId("legend"), order.filter((s) => state.podStates[s]), (s) => s,
    (s) => make("li", "", make("i", s), make("span", "")),
    (item, s) => setText(item.children[1], `${words[s]} (${state.podStates[s]})`));
}

function showPods(state) {
  rows("pods", state.pods, state.podsMatching, (p) => of(p),
    ["name", "state", "number", "number wide", "", "number wide", "number wide", "number wide", ""],
    (cells, p) => {
      nameCell(cells[0], p);
      setText(cells[1], p.word);
      setText(cells[2], `${p.ready}/${p.total}`);
      setText(cells[3], p.restarts);
      setText(cells[4], p.node || "–");
      setText(cells[5], p.cpu === undefined ? "" : cores(p.cpu));
      setText(cells[6], p.memory === undefined ? "" : bytes(p.memory));
      setText(cells[7], age(p.created));
      if (!cells[8].firstChild) {
        const button = make("button", "", "Log");
        button.type = "button";
        cells[8].append(button);
      }
      const button = cells[8].firstChild;
      button.hidden = !p.node;
      button.setAttribute("aria-label", `Log of ${of(p)}`);
      button.onclick = () => openLog(p.ns, p.name, p.containers[p.containers.length - 1], p.containers);
    });
  setText(byId("pods-count"), state.podsMatching > state.pods.length
    ? `the first ${state.pods.length} of ${state.podsMatching}: filter for others` : "");
}

function show(state) {
  showFindings(state);
  showFigures(state);
  showNodes(state);
  showPods(state);
  rows("workloads", state.workloads, state.workloadsAll, (w) => w.kind + of(w),
    ["name", "", "number state", "long wide", "number wide"],
    (cells, w) => {
      nameCell(cells[0], w);
      setText(cells[1], w.kind);
      setText(cells[2], `${w.ready}/${w.wanted}`);
      setText(cells[3], w.images);
      setText(cells[4], age(w.created));
    });
  rows("services", state.services, state.servicesAll, (s) => of(s), ["name", "wide", "", "", "number state"],
    (cells, s) => {
      nameCell(cells[0], s);
      setText(cells[1], s.type);
      setText(cells[2], s.address === "None" ? "headless" : s.address);
      setText(cells[3], s.ports);
      setText(cells[4], s.type === "ExternalName" ? "" : s.unready ? `${s.ready} of ${s.ready + s.unready}` : s.ready);
    });
  rows("events", state.events.map((e) => ({...e, state: e.warning ? "warning" : "note"})), state.eventsAll,
    (e) => [e.kind, of(e), e.reason, e.message].join(" "), ["number", "state", "name", "long"],
    (cells, e) => {
      setText(cells[0], age(e.at));
      setText(cells[1], e.reason + (e.count > 1 ? ` ×${e.count}` : ""));
      setText(cells[2], `${e.kind} ${of(e)}`);
      setText(cells[3], e.message);
    });
}

// ---- asking

let tag = "", shown = null, asked = 0, timer = 0, lost = 0;

async function ask() {
  clearTimeout(timer);
  const mine = ++asked;
  const query = new URLSearchParams();
  if (byId("filter").value.trim()) query.set("filter", byId("filter").value.trim());
  if (byId("only-wrong").checked) query.set("wrong", "1");
  const address = "state.json?" + query;
  try {
    const headers = shown && shown.address === address ? {"If-None-Match": tag} : {};
    const answer = await fetch(address, {headers, signal: AbortSignal.timeout(20000)});
    if (mine !== asked) return;
    if (answer.status !== 304 && !answer.ok) throw new Error(`answered ${answer.status}`);
    now = Date.parse(answer.headers.get("Date")) / 1000 || Date.now() / 1000;
    if (answer.status !== 304) {
      const state = await answer.json();
      if (mine !== asked) return;
      tag = answer.headers.get("ETag");
      shown = {address, state};
    }
    show(shown.state);
    lost = 0;
    setClass(byId("connection"), "");
    setText(byId("connection"), "live");
  } catch (error) {
    if (mine !== asked) return;
    lost = lost || Date.now();
    setClass(byId("connection"), "lost");
    setText(byId("connection"), `keelson-master does not answer; this is how it was ${Math.round((Date.now() - lost) / 1000)}s ago`);
  }
  if (!document.hidden) timer = setTimeout(ask, every);
}
const look = () => { ask(); };
let typing = 0;
byId("filter").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(look, 150); });
byId("only-wrong").addEventListener("change", look);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

// ---- a container's log, followed; the last lines of it are kept

const keepLines = 2000, keepBytes = 2 ** 20;
let reading = null;

function openLog(ns, pod, container, containers) {
  const found = shown && shown.state.pods.find((p) => p.ns === ns && p.name === pod);
  const names = containers || (found ? found.containers : [container]);
  byId("log-container").replaceChildren(...names.map((name) => {
    const option = make("option", "", name);
    option.value = name;
    return option;
  }));
  byId("log-container").value = container;
  byId("log-previous").checked = false;
  setText(byId("log-title"), `${ns}/${pod}`);
  const again = () => readLog(ns, pod);
  byId("log-container").onchange = again;
  byId("log-previous").onchange = again;
  if (!byId("log").open) byId("log").showModal();
  byId("log-text").focus();
  again();
}

// The end of `text` that is kept, from the beginning of a line.
function bounded(text) {
  let from = Math.max(0, text.length - keepBytes);
  let lines = 0;
  for (let at = text.length - 2; at >= from; --at)
    if (text[at] === "\n" && ++lines === keepLines) { from = at + 1; break; }
  return from ? text.slice(from) : text;
}

async function readLog(ns, pod) {
  if (reading) reading.abort();
  const mine = reading = new AbortController();
  const text = byId("log-text"), state = byId("log-state");
  setText(text, "");
  setText(state, "asking …");
  const previous = byId("log-previous").checked;
  const query = new URLSearchParams({container: byId("log-container").value, tailLines: "500"});
  query.set(previous ? "previous" : "follow", "true");
  const path = `../api/v1/namespaces/${encodeURIComponent(ns)}/pods/${encodeURIComponent(pod)}/log?${query}`;
  try {
    const answer = await fetch(path, {signal: mine.signal});
    if (!answer.ok) {
      const said = await answer.text();
      let message = said;
      try { message = JSON.parse(said).message || said; } catch { /* it is plain text */ }
      setText(state, `there is no log: ${message.slice(0, 500)}`);
      return;
    }
    setText(state, previous ? "" : "following");
    const reader = answer.body ? answer.body.pipeThrough(new TextDecoderStream()).getReader() : null;
    let kept = "";
    while (reader) {
      const {value, done} = await reader.read();
      if (done || mine.signal.aborted) break;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      kept = bounded(kept + value);
      text.textContent = kept;
      if (atEnd) text.scrollTop = text.scrollHeight;
    }
    if (!mine.signal.aborted) setText(state, kept ? "the log has ended" : "the log is empty");
  } catch (error) {
    if (!mine.signal.aborted) setText(state, "the log has broken off");
  }
}
byId("log-close").addEventListener("click", () => byId("log").close());
byId("log").addEventListener("close", () => { if (reading) reading.abort(); });

ask();
