// Keeps what a page shows in step with the platform: statuses at once, whole rows shortly after.
"use strict";

(() => {
  const rows = document.getElementById("rows");
  if (!rows || !window.EventSource) return;

  const kind = rows.dataset.live;
  const study = rows.dataset.study;
  const RELOAD_MS = 1500;
  let timer = 0;
  let isLoading = false;
  let isStale = false;
  let hasOpened = false;

  function localTimes(within) {
    const language = document.documentElement.lang || undefined;
    for (const time of within.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.valueOf())) {
        time.textContent = moment.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
        time.title = time.dateTime;
      }
    }
  }

  async function reload() {
    timer = 0;
    if (isLoading || document.hidden) {
      isStale = true;
      return;
    }
    isLoading = true;
    isStale = false;
    try {
      const address = new URL(location.href);
      address.searchParams.set("rows", "1");
      const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.ok && !rows.contains(document.activeElement?.closest("form"))) {
        rows.innerHTML = await answer.text();
        localTimes(rows);
      }
    } catch {
      isStale = true; // the next event, or the page coming back to the front, tries again
    } finally {
      isLoading = false;
    }
  }

  function reloadSoon() {
    if (!timer) timer = setTimeout(reload, RELOAD_MS);
  }

  function concerns(change) {
    if (kind === "study") return (change.study || change.id) === study;
    return true;
  }

  function watch() {
    const source = new EventSource("/api/events/");
    source.addEventListener("open", () => {
      if (hasOpened) reloadSoon();
      hasOpened = true;
    });
    source.addEventListener("study", (event) => {
      const change = JSON.parse(event.data);
      if (kind !== "jobs" && concerns(change)) reloadSoon();
    });
    source.addEventListener("job", (event) => {
      if (kind !== "rows" && concerns(JSON.parse(event.data))) reloadSoon();
    });
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
