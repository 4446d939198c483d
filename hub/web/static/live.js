// Brings what changed while a page is open: one stream of events, and the regions that say `data-live` fetched again.
"use strict";
(() => {
  // Changes come in bursts; a region is fetched once for a burst, milliseconds after its first.
  const GATHER = 250;
  const SAID = 6000;
  const AGAIN = 3000;
  const regions = () => [...document.querySelectorAll("[data-live]")];
  const cursor = document.body.dataset.cursor;
  if (!cursor || !("EventSource" in window) || !regions().length) return;
  const voice = document.getElementById("news");
  const plurals = new Intl.PluralRules(document.documentElement.lang);
  const stale = new Set();
  let waiting = 0;
  let silence = 0;
  let busy = false;
  const kindsOf = (region) => region.dataset.live.split(/\s+/);
  const kinds = () => new Set(regions().flatMap(kindsOf));

  // What somebody has typed or opened here; a region is exchanged around it, never over it.
  function engaged(region) {
    const active = document.activeElement;
    if (region.contains(active) && active.matches("input, textarea, select")) return true;
    for (const field of region.querySelectorAll("input, textarea, select")) {
      if (field.type === "hidden") continue;
      if (field.type === "checkbox" || field.type === "radio") {
        if (field.checked !== field.defaultChecked) return true;
      } else if (field.tagName === "SELECT") {
        const meant = [...field.options].findIndex((one) => one.defaultSelected);
        if (field.selectedIndex !== Math.max(meant, 0)) return true;
      } else if (field.value !== field.defaultValue) return true;
    }
    return false;
  }

  // The focus is found again by id, by address, or by its place among what can have it.
  function remember(region) {
    const active = document.activeElement;
    if (!region.contains(active) || active === region) return () => {};
    const id = active.id;
    const href = active.getAttribute("href");
    const focusable = "a[href], button, summary, input, select, textarea, [tabindex]";
    const place = [...region.querySelectorAll(focusable)].indexOf(active);
    return (fresh) => {
      const found = (id && document.getElementById(id))
        || (href && [...fresh.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === href))
        || fresh.querySelectorAll(focusable)[place];
      if (found) found.focus({ preventScroll: true });
    };
  }

  const keysOf = (region) => new Set([...region.querySelectorAll("[data-row]")].map((row) => row.dataset.row || row.getAttribute("href")));

  function exchange(old, fresh) {
    const known = keysOf(old);
    const scroll = [old, ...old.querySelectorAll("*")].filter((one) => one.scrollTop > 0 && one.id).map((one) => [one.id, one.scrollTop]);
    const own = old.scrollTop;
    const opened = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    const again = remember(old);
    const taken = document.importNode(fresh, true);
    old.replaceWith(taken);
    for (const id of opened) { const found = document.getElementById(id); if (found) found.open = true; }
    taken.scrollTop = own;
    for (const [id, top] of scroll) { const found = document.getElementById(id); if (found) found.scrollTop = top; }
    again(taken);
    if (window.htmx) window.htmx.process(taken);
    taken.dispatchEvent(new CustomEvent("hub:fresh", { bubbles: true }));
    return [...keysOf(taken)].filter((key) => !known.has(key)).length;
  }

  function say(count) {
    if (!voice || !count) return;
    const form = { one: "newsOne", few: "newsFew" }[plurals.select(count)] || "newsMany";
    voice.textContent = (document.body.dataset[form] || "{count}").replace("{count}", String(count));
    clearTimeout(silence);
    silence = setTimeout(() => { voice.textContent = ""; }, SAID);
  }

  async function refresh() {
    waiting = 0;
    if (busy) { waiting = setTimeout(refresh, GATHER); return; }
    const news = new Set(stale);
    stale.clear();
    const meant = (region) => kindsOf(region).some((kind) => news.has(kind));
    if (!regions().some(meant)) return;
    busy = true;
    const address = location.href;
    try {
      const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Live": "1" } });
      // Logged out, or gone to another page meanwhile: nothing here is to be brought up to date.
      if (answer.redirected || answer.status === 404 || address !== location.href) return;
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      let count = 0;
      regions().forEach((region, number) => {
        if (!meant(region)) return;
        const fresh = region.id ? page.getElementById(region.id) : page.querySelectorAll("[data-live]")[number];
        if (!fresh || fresh.outerHTML === region.outerHTML) return;
        // Left as it is while somebody works in it, and tried again at the next change or when they leave it.
        if (engaged(region)) { for (const kind of news) stale.add(kind); return; }
        count += exchange(region, fresh);
      });
      say(count);
    } catch {
      // The server is away for a moment: what it told before is asked for again.
      for (const kind of news) stale.add(kind);
      waiting = setTimeout(refresh, AGAIN);
    } finally { busy = false; }
  }

  function hear(kind) {
    stale.add(kind);
    if (!waiting) waiting = setTimeout(refresh, GATHER);
  }

  let stream = null;
  let last = cursor;
  let heard = new Set();
  const note = (event) => { if (event.lastEventId) last = event.lastEventId; };

  // Asked again when a part of the page was exchanged: it may have brought regions that want to hear of more.
  function attend() {
    if (!stream) return;
    for (const kind of kinds()) {
      if (heard.has(kind)) continue;
      heard.add(kind);
      stream.addEventListener(kind, (event) => { note(event); hear(kind); });
    }
  }

  function listen() {
    stream = new EventSource(`/live?after=${encodeURIComponent(last)}`);
    heard = new Set();
    attend();
    // The server cannot go on from the number that this page has: whatever it shows may be old.
    stream.addEventListener("reset", (event) => { note(event); kinds().forEach(hear); });
    stream.onopen = () => { document.documentElement.dataset.stream = "open"; };
  }
  listen();
  document.addEventListener("htmx:after:swap", attend);
  document.addEventListener("focusout", () => { if (stale.size && !waiting) waiting = setTimeout(refresh, GATHER); });
  // A page in the browser's memory would keep its connection, and a browser has six for a host.
  addEventListener("pagehide", () => { if (stream) { stream.close(); stream = null; } });
  addEventListener("pageshow", (event) => { if (event.persisted && !stream) listen(); });
})();
