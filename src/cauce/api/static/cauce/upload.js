// Sends what is dropped or chosen in groups of files, and shows a verdict on each.
"use strict";

(() => {
  const place = document.getElementById("uploads");
  if (!place) return;

  const said = place.dataset;
  const at = (id) => document.getElementById(id);
  const drop = at("drop");
  const GROUP_FILES = 100;
  const GROUP_BYTES = 64 * 1024 * 1024;
  const SHOWN_MAX = 500;
  const TRIES = 4;
  const PENDING_MS = 1500;
  const MB = 1e6;
  const ICONS = { stored: "check", duplicate: "same", conflict: "fork", skipped: "skip", pending: "clock", refused: "cross" };
  const counts = {};
  const queue = [];
  const total = { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0 };
  let uploadId = "";
  let isSending = false;
  let shown = 0;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function icon(name) {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawn.setAttribute("class", "icon");
    drawn.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${said.icons}#${name}`);
    drawn.append(use);
    return drawn;
  }

  function element(tag, className, ...content) {
    const made = document.createElement(tag);
    made.className = className;
    made.append(...content);
    return made;
  }

  function showProgress(sentBytes) {
    if (!at("receipt")) place.append(at("receipt-template").content.cloneNode(true));
    const bytes = total.doneBytes + sentBytes;
    at("receipt-progress").max = Math.max(total.bytes, 1);
    at("receipt-progress").value = bytes;
    const files = fill(said.saidFiles, { done: total.doneFiles, all: total.files });
    const size = { done: Math.round(bytes / MB), all: Math.max(1, Math.round(total.bytes / MB)) };
    at("receipt-note").textContent = `${files} · ${fill(said.saidBytes, size)}`;
  }

  function showReceipt(id) {
    uploadId = id;
    at("receipt-link").href = `${said.delivery}${id}/`;
    at("receipt-link").hidden = false;
  }

  function showTally() {
    const items = Object.keys(ICONS).filter((status) => counts[status]);
    at("tally").replaceChildren(
      ...items.map((status) =>
        element("li", `tally-item is-${status}`, icon(ICONS[status]), `${counts[status]} ${said[status].toLocaleLowerCase()}`)),
    );
  }

  function lineOf(entry) {
    const name = entry.study ? document.createElement("a") : document.createElement("span");
    if (entry.study) name.href = `${said.study}${entry.study}/`;
    name.className = "verdict-name";
    name.textContent = entry.name;
    name.title = entry.name;
    const line = element("li", `verdict is-${entry.status}`, icon(ICONS[entry.status] || "info"), name,
      element("span", "verdict-status", said[entry.status] || entry.status));
    const warnings = (entry.warnings || []).map((warning) => warning.code);
    const reason = [entry.code, entry.detail].filter(Boolean).join(": ") || warnings.join(", ");
    if (reason) line.append(element("span", "verdict-reason", reason));
    return line;
  }

  function show(entry) {
    counts[entry.status] = (counts[entry.status] || 0) + 1;
    const list = at("verdicts");
    const line = lineOf(entry);
    if (entry.status === "refused" || entry.status === "conflict" || entry.status === "pending") list.prepend(line);
    else list.append(line);
    shown += 1;
    if (shown > SHOWN_MAX) {
      const plain = list.querySelector(".is-stored, .is-duplicate, .is-skipped");
      (plain || list.lastElementChild).remove();
    }
    return line;
  }

  function post(group, isLast) {
    const form = new FormData();
    for (const { file, name } of group) form.append("files", file, name);
    const query = new URLSearchParams();
    const project = at("to-project");
    if (uploadId) query.set("upload", uploadId);
    else if (project) query.set("project", project.value);
    if (isLast) query.set("final", "true");
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${said.url}?${query}`);
      request.responseType = "json";
      request.setRequestHeader("X-CSRFToken", said.csrf);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => showProgress(event.loaded));
      request.addEventListener("loadend", () => resolve({ status: request.status, body: request.response }));
      request.send(form);
    });
  }

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function sendGroup(group, isLast) {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { status, body } = await post(group, isLast);
      if (body && body.id) showReceipt(body.id);
      if (status === 201) return body.files;
      if (status === 401) return group.map(({ name }) => unsent(name, said.saidFresh));
      if (status && status < 500) return group.map(({ name }) => unsent(name, (body && body.detail) || said.saidUnsent));
      at("receipt-note").textContent = (body && body.detail) || said.saidBroken;
      if (attempt < TRIES) await pause(1000 * 2 ** attempt);
    }
    return group.map(({ name }) => unsent(name, said.saidUnsent));
  }

  const unsent = (name, detail) => ({ name, status: "refused", code: "", detail, warnings: [] });

  function nextGroup() {
    const group = [];
    let bytes = 0;
    while (queue.length && group.length < GROUP_FILES && (!group.length || bytes + queue[0].file.size <= GROUP_BYTES)) {
      bytes += queue[0].file.size;
      group.push(queue.shift());
    }
    return group;
  }

  async function send() {
    if (isSending) return;
    isSending = true;
    drop.classList.add("is-busy");
    const pending = [];
    while (queue.length) {
      const group = nextGroup();
      for (const entry of await sendGroup(group, !queue.length)) {
        const line = show(entry);
        if (entry.status === "pending") pending.push(line);
      }
      total.doneFiles += group.length;
      total.doneBytes += group.reduce((sum, { file }) => sum + file.size, 0);
      showProgress(0);
      showTally();
      document.dispatchEvent(new CustomEvent("cauce:uploaded"));
    }
    const finished = uploadId;
    uploadId = "";
    isSending = false;
    drop.classList.remove("is-busy");
    if (pending.length) await settle(finished, pending);
  }

  // Waits for archives that are still being unpacked, then shows what was in them.
  async function settle(id, pending) {
    const address = `${said.url}${id}/`;
    const get = async (url) => (await fetch(url, { headers: { Accept: "application/json" } })).json();
    try {
      while ((await get(`${address}?status=pending&limit=1`)).results.length) await pause(PENDING_MS);
      for (const line of pending) line.remove();
      counts.pending = 0;
      for (let url = `${address}?unpacked=true&limit=500`; url;) {
        const page = await get(url);
        page.results.forEach(show);
        url = page.next;
      }
    } catch {
      return; // the receipt stays at its address
    }
    showTally();
    document.dispatchEvent(new CustomEvent("cauce:uploaded"));
  }

  function add(found) {
    if (!found.length) return;
    showProgress(0);
    if (!isSending) {
      Object.keys(counts).forEach((status) => delete counts[status]);
      at("verdicts").replaceChildren();
      Object.assign(total, { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0 });
      shown = 0;
    }
    for (const one of found) {
      queue.push(one);
      total.files += 1;
      total.bytes += one.file.size;
    }
    showProgress(0);
    showTally();
    send();
  }

  function readAll(directory) {
    const reader = directory.createReader();
    const all = [];
    return new Promise((resolve) => {
      const next = () => reader.readEntries((entries) => {
        if (!entries.length) resolve(all);
        else {
          all.push(...entries);
          next();
        }
      }, () => resolve(all));
      next();
    });
  }

  async function walk(entry, found) {
    if (entry.isFile) {
      await new Promise((resolve) => entry.file((file) => {
        found.push({ file, name: entry.fullPath.replace(/^\//, "") });
        resolve();
      }, () => {
        show(unsent(entry.fullPath.replace(/^\//, ""), said.saidUnread));
        resolve();
      }));
    } else {
      for (const child of await readAll(entry)) await walk(child, found);
    }
  }

  async function dropped(items) {
    const entries = [...items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    for (const entry of entries) await walk(entry, found);
    add(found);
  }

  const chosen = (input) => {
    add([...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    input.value = "";
  };

  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    drop.classList.remove("is-over");
    dropped(event.dataTransfer.items);
  });
  at("pick-files").addEventListener("click", () => at("files").click());
  at("pick-folder").addEventListener("click", () => at("folder").click());
  at("files").addEventListener("change", (event) => chosen(event.target));
  at("folder").addEventListener("change", (event) => chosen(event.target));
  window.addEventListener("beforeunload", (event) => {
    if (isSending) event.preventDefault();
  });
})();
