/* Counts what is typed by its network's own rule; the server counts again and has the last word.

   <output data-count-of="ID" data-limits='{…}' data-left="{n} left" data-over="{n} too many"> counts the text area
   with that id. The facts are those of hub/web/counting.py. */
(() => {
  "use strict";
  const LINK = /(?<![A-Za-z0-9@$#_])https?:\/\/[^\s<>"`\\«»“”„‟‹›]+/giu;
  const MENTION = /(?<![\p{L}\p{N}_@/=])@[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?@[\p{L}\p{N}][\p{L}\p{M}\p{N}_.-]*/gu;
  const STOPS = /[.,:;!?'’*|)\]}]+$/u;
  const EMOJI = /\p{RI}{2}|[#*0-9]\ufe0f?\u20e3|\p{Extended_Pictographic}(?:\ufe0f|\p{EMod})?(?:\u200d\p{Extended_Pictographic}(?:\ufe0f|\p{EMod})?)*/gu;
  const HEAVY = /[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]/gu;
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
  const encoder = new TextEncoder();

  const units = {
    codepoint: (text) => [...text].length,
    utf16: (text) => text.length,
    byte: (text) => encoder.encode(text).length,
    grapheme: (text) => (segmenter ? [...segmenter.segment(text)].length : [...text].length),
    weighted: (text) => {
      const plain = text.replace(EMOJI, "\uffff");
      return [...plain].length + (plain.match(HEAVY) || []).length;
    },
  };

  const measure = (raw, limits) => {
    let text = raw.replace(/\r\n?/g, "\n").trim();
    if (limits.unit === "weighted") text = text.normalize("NFC");
    if (limits.linkCost !== null) {
      text = text.replace(LINK, (link) => {
        const stops = link.match(STOPS);
        return "x".repeat(limits.linkCost) + (stops ? stops[0] : "");
      });
    }
    if (limits.localMentions) text = text.replace(MENTION, (name) => name.slice(0, name.indexOf("@", 1)));
    return units[limits.unit](text);
  };

  const show = (output) => {
    const area = document.getElementById(output.dataset.countOf);
    if (!area) return;
    const limits = JSON.parse(output.dataset.limits);
    const most = "withMedia" in output.dataset ? limits.maximumWithMedia : limits.maximum;
    const used = measure(area.value, limits);
    const bytes = limits.maxBytes ? limits.maxBytes - encoder.encode(area.value.trim()).length : Infinity;
    if (!most) {
      output.textContent = String(used);
      return;
    }
    const left = bytes < 0 ? Math.min(most - used, bytes) : most - used;
    output.textContent = (left < 0 ? output.dataset.over : output.dataset.left).replace("{n}", Math.abs(left));
    output.classList.toggle("over", left < 0);
    output.style.setProperty("--used", Math.min(1, used / most));
  };

  const all = (root) => root.querySelectorAll("[data-count-of]").forEach(show);
  document.addEventListener("input", (event) => {
    if (event.target.id) {
      const id = CSS.escape(event.target.id);
      document.querySelectorAll(`[data-count-of="${id}"]`).forEach(show);
    }
  });
  document.addEventListener("htmx:after:swap", () => all(document));
  document.addEventListener("hub:swapped", () => all(document));
  window.crosshub = Object.assign(window.crosshub || {}, { count: measure });
  all(document);
})();
