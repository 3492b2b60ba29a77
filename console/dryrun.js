// The page of the dry run. Everything that comes is placed as text.
"use strict";
(() => {
  const form = document.getElementById("ask");
  const status = document.getElementById("status");
  const report = document.getElementById("report");
  const number = new Intl.NumberFormat("en");

  const site = new URLSearchParams(location.search).get("site");
  if (site) form.elements.site.value = site;

  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const site = form.elements.site.value.trim();
    status.textContent = "Asking…";
    try {
      const answer = await fetch("/api/v1/sites/" + encodeURIComponent(site) + "/dryrun", {
        headers: { Authorization: "Bearer " + form.elements.token.value.trim() }, cache: "no-store",
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.detail || body.title);
      show(body);
      status.textContent = "As of " + new Date().toLocaleTimeString("en-GB") + ". Show again for newer numbers.";
      report.focus();
    } catch (err) {
      report.hidden = true;
      status.textContent = "Not shown: " + (err instanceof SyntaxError || err instanceof TypeError ? "the console does not answer" : err.message) + ".";
    }
  });

  function add(parent, name, text, cls) {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    parent.append(e);
    return e;
  }

  function count(n, one, many) { return number.format(n) + " " + (n === 1 ? one : many); }

  function share(n, of) {
    if (!of) return "";
    const p = 100 * n / of;
    return " (" + (p > 0 && p < 0.1 ? "less than 0.1" : p.toFixed(1)) + " %)";
  }

  const rows = { nothing: "nothing", none: "a row without identity", period: "a row under a pseudonym of one month", person: "a row under a lasting pseudonym" };

  function show(r) {
    report.replaceChildren();
    report.hidden = false;
    add(report, "h2", "Site " + r.site);
    add(report, "p", r.events === 0 ? "No event has come yet." :
      "Of " + count(r.events, "event", "events") + " the candidate would decide " + count(r.differ, "event", "events") + " otherwise" + share(r.differ, r.events) + ".", "sum");
    add(report, "p", "Since " + r.since.replace("T", " ").replace(/\.\d+/, "").replace("Z", " UTC") + ". Live policy version " + r.live_policy + ", candidate " + r.candidate_policy + ".", "note");
    if (r.events === 0) return;
    table(report, "What would be stored", ["Now", "With the candidate", "Events"], r.rows.map((x) => ({
      differs: x.live !== x.candidate, cells: [rows[x.live], rows[x.candidate], number.format(x.events)],
    })));
    for (const p of r.purposes) purpose(p);
  }

  function purpose(p) {
    add(report, "h2", p.purpose + (p.only ? " (in the " + p.only + " policy only)" : ""));
    const said = [];
    if (p.lost) said.push(count(p.lost, "decision", "decisions") + " would be denied that " + (p.lost === 1 ? "is" : "are") + " allowed now");
    if (p.won) said.push(count(p.won, "decision", "decisions") + " would be allowed that " + (p.won === 1 ? "is" : "are") + " denied now");
    add(report, "p", "Kind " + p.kind + ". " + (said.length ? said.join("; ") + "." : "Nothing would change."));
    table(report, "Why", ["Outcome", "Who decided", "Decisions"], p.pairs.map((x) => ({
      differs: x.differs, cells: [x.differs ? "Differs" : "The same", x.why, number.format(x.decisions)],
    })));
  }

  function table(parent, caption, heads, list) {
    const t = add(parent, "table");
    add(t, "caption", caption);
    const head = add(add(t, "thead"), "tr");
    heads.forEach((h, i) => { add(head, "th", h, i === 2 ? "n" : "").scope = "col"; });
    const body = add(t, "tbody");
    for (const row of list) {
      const tr = add(body, "tr", undefined, row.differs ? "differs" : "");
      row.cells.forEach((c, i) => { add(tr, "td", c, i === 2 ? "n" : ""); });
    }
  }
})();
