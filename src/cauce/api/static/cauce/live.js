// Keeps what a page shows in step with the platform: a change is told, and the live parts of the page are fetched anew.
"use strict";

(() => {
  const rows = document.getElementById("rows");
  if (!rows || !window.EventSource) return;

  const FIRST_MS = 400;
  const NEXT_MS = 3000;
  let timer = 0;
  let loadedAt = 0;
  let isStale = false;
  let hasOpened = false;

  function localTimes(within) {
    const page = document.documentElement.lang;
    const language = navigator.language.startsWith(page) ? navigator.language : page;
    for (const time of within.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.valueOf())) {
        time.textContent = moment.toLocaleString(language, { dateStyle: "medium", timeStyle: time.dataset.style || "short" });
        time.title = time.dateTime;
      }
    }
  }

  function take(fresh) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (other && !part.contains(document.activeElement) && !part.querySelector("details[open]")) {
        localTimes(other);
        if (part.innerHTML !== other.innerHTML) part.replaceChildren(...other.childNodes);
      }
    }
  }

  async function reload() {
    timer = 0;
    if (document.hidden) {
      isStale = true;
      return;
    }
    isStale = false;
    loadedAt = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      isStale = true; // the next change, or the page coming to the front, tries again
    }
  }

  function reloadSoon() {
    if (!timer) timer = setTimeout(reload, Math.max(FIRST_MS, loadedAt + NEXT_MS - Date.now()));
  }

  function concerns(kind, change) {
    if (rows.dataset.live === "study") return (change.study || change.id) === rows.dataset.study;
    return rows.dataset.live === "jobs" ? kind === "job" : kind === "study";
  }

  function watch() {
    const source = new EventSource("/api/events/");
    source.addEventListener("open", () => {
      if (hasOpened) reloadSoon();
      hasOpened = true;
    });
    for (const kind of ["study", "job"]) {
      source.addEventListener(kind, (event) => {
        if (concerns(kind, JSON.parse(event.data))) reloadSoon();
      });
    }
    window.addEventListener("pagehide", () => source.close(), { once: true });
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isStale) reloadSoon();
  });
  document.addEventListener("cauce:uploaded", reloadSoon);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      watch();
      reloadSoon();
    }
  });
  localTimes(document);
  watch();
})();
