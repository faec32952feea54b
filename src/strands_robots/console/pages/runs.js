// Runs: evaluations with their progress, success with its interval, failures as videos, A held against B; and pipelines.

import { plot, plotter, table } from "./charts.js";
import { h, Kept, number, say } from "./dom.js";
import { read } from "./graph.js";

export const title = "Runs";

const AGAIN = 2000; // A list in which something runs is read again after this [ms].

export function open(main, [id]) {
  const words = h("p", { role: "status" }, "Reading");
  const body = h("div", {});
  main.append(words, body);
  const page = id === undefined ? new List(body) : new One(body, id);
  let [timer, ended] = [0, false];
  const load = async () => {
    if (!document.hidden) { // Nothing is read for a tab that is not seen.
      try {
        const said = await page.load();
        if (!ended) say(words, said);
      } catch (error) {
        say(words, error.message);
      }
    }
    if (!ended && page.isRunning) timer = setTimeout(load, AGAIN);
  };
  load();
  return {
    update() {},
    end() {
      ended = true;
      clearTimeout(timer);
      page.end();
    },
  };
}

// Success with its interval: where it may lie, and where it was.
class RateBar {
  constructor() {
    this.range = h("div", { class: "range" });
    this.mark = h("div", { class: "mark" });
    this.words = h("span", { class: "number" });
    this.element = h("div", { class: "rate" }, h("div", { class: "track" }, this.range, this.mark), this.words);
  }

  update({ rate, interval, successes, done, errors }) {
    say(this.words, rate === null ? "no episode yet" : `${(100 * rate).toFixed(1)} % (${(100 * interval[0]).toFixed(0)} to ${(100 * interval[1]).toFixed(0)}), ${successes} of ${done}${errors ? `, ${errors} not judged` : ""}`);
    this.range.hidden = this.mark.hidden = rate === null;
    if (rate === null) return this;
    this.range.style.left = `${100 * interval[0]}%`;
    this.range.style.width = `${100 * (interval[1] - interval[0])}%`;
    this.mark.style.left = `${100 * rate}%`;
    return this;
  }
}

class Row {
  constructor(run) {
    this.state = h("td", {});
    this.progress = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${run.name}` });
    this.count = h("span", {});
    this.bar = new RateBar();
    this.rate = h("td", {}, this.bar.element);
    this.element = h("tr", {}, h("th", { scope: "row" }, h("a", { href: `#runs/${run.id}` }, run.name)),
      h("td", {}, run.problem ?? `${run.policy} on ${run.tasks.join(", ")}`), h("td", {}, this.count, this.progress), this.rate, this.state, h("td", { class: "dim" }, run.path));
  }

  update(run) {
    say(this.state, run.problem ? "" : run.is_running ? "running" : run.total === null || run.done >= run.total ? "done" : "ended early");
    this.state.className = run.is_running ? "good" : "";
    this.progress.hidden = run.problem !== undefined || run.total === null;
    if (run.problem) return;
    this.progress.value = run.total ? run.done / run.total : 0;
    say(this.count, run.total === null ? `${run.done} episodes` : `${run.done} of ${run.total}`);
    this.bar.update(run);
  }
}

class List {
  constructor(body) {
    this.rows = h("tbody", {});
    this.kept = new Kept(this.rows, (run) => new Row(run));
    this.compare = new Compare();
    this.pipelines = new Pipelines();
    this.table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Evaluations", hidden: true },
      h("table", {}, h("thead", {}, h("tr", {}, ["Run", "What", "Episodes", "Success, 95 % interval", "State", "Folder"].map((text) => h("th", { scope: "col" }, text)))), this.rows));
    body.append(this.table, this.compare.element, this.pipelines.element);
    this.isRunning = true; // An evaluation may begin any time.
  }

  async load() {
    const [found] = await Promise.all([read("/runs"), this.pipelines.load()]);
    this.kept.update(found.runs, (run) => run.id, (row, run) => row.update(run));
    this.table.hidden = !found.runs.length;
    this.compare.offer(found.runs.filter((run) => !run.problem && run.done));
    return found.runs.length ? "" : `No results.jsonl lies in ${found.folders.join(", ")}. \`strands-robots evaluate TASK POLICY --output FOLDER\` writes one; the console's parameter run_folders names where they are.`;
  }

  end() {}
}

// Pipelines: each stage with where it stands, what it waits for, and the report.
class Pipelines {
  constructor() {
    this.rows = h("tbody", {});
    this.words = h("p", { role: "status", class: "dim" });
    this.kept = new Kept(this.rows, (pipeline) => new PipelineRow(pipeline));
    this.table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Pipelines", hidden: true },
      h("table", {}, h("thead", {}, h("tr", {}, ["Pipeline", "Stages", "Done", "State", "Report", "Folder"].map((text) => h("th", { scope: "col" }, text)))), this.rows));
    this.element = h("section", { "aria-label": "Pipelines" }, h("h2", {}, "Pipelines"), this.words, this.table);
  }

  async load() {
    const found = await read("/pipelines");
    this.kept.update(found.pipelines, (pipeline) => pipeline.id, (row, pipeline) => row.update(pipeline));
    this.table.hidden = !found.pipelines.length;
    say(this.words, found.pipelines.length ? "" : `No journal of a pipeline lies in ${found.folders.join(", ")}. \`strands-robots pipeline run FILE\` writes one.`);
  }
}

const STAGE_TONE = { done: "good", begun: "warn", failed: "bad", waits: "warn" };

class PipelineRow {
  constructor(pipeline) {
    this.stages = h("ol", { class: "stages" });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${pipeline.name}` });
    this.count = h("span", {});
    this.state = h("td", {});
    this.report = h("a", { href: `/pipelines/${pipeline.id}/report`, target: "_blank", rel: "noopener" }, "Report");
    this.element = h("tr", {}, h("th", { scope: "row" }, pipeline.name), h("td", {}, pipeline.problem ?? this.stages), h("td", {}, this.count, this.progress), this.state, h("td", {}, this.report), h("td", { class: "dim" }, pipeline.path));
  }

  update(pipeline) {
    this.report.hidden = !pipeline.has_report;
    this.progress.hidden = Boolean(pipeline.problem);
    if (pipeline.problem) return;
    const { stages, done, total, is_running: isRunning } = pipeline;
    say(this.count, `${done} of ${total}`);
    this.progress.value = done / total;
    const key = JSON.stringify([stages, isRunning]);
    if (key === this.told) return;
    this.told = key;
    const halted = stages.find((stage) => stage.state === "failed" || stage.state === "waits");
    const begun = stages.find((stage) => stage.state === "begun");
    const [words, tone] = isRunning ? [`running${begun ? `: ${begun.stage}` : ""}`, "good"]
      : halted ? [`${halted.stage} ${halted.state === "waits" ? "waits for a person" : "failed"}: ${halted.words}`, STAGE_TONE[halted.state]]
        : begun ? [`interrupted in ${begun.stage}: strands-robots pipeline resume goes on`, "warn"] : [done === total ? "done" : "ended early", ""];
    say(this.state, words);
    this.state.className = tone;
    this.stages.replaceChildren(...stages.map((stage) => h("li", { class: STAGE_TONE[stage.state] ?? "dim", title: Object.entries(stage.outputs).map(([name, digest]) => `${name} ${digest}`).join(", ") },
      `${stage.stage}: ${stage.state}${stage.elapsed ? `, ${stage.elapsed.toFixed(1)} s` : ""}`)));
  }
}

// A against B, by the code of `strands-robots compare`.
class Compare {
  constructor() {
    this.a = h("select", { id: "runs-a" });
    this.b = h("select", { id: "runs-b" });
    this.unpaired = h("input", { id: "runs-unpaired", type: "checkbox" });
    this.verdict = h("p", { role: "status" });
    this.lines = h("pre", { hidden: true });
    this.element = h("section", { class: "card", "aria-label": "A against B", hidden: true }, h("h2", {}, "A against B"),
      h("div", { class: "row" },
        h("div", {}, h("label", { for: "runs-a" }, "A, the measure"), this.a), h("div", {}, h("label", { for: "runs-b" }, "B, in question"), this.b),
        h("div", {}, h("label", { for: "runs-unpaired" }, "Not the same episodes"), this.unpaired),
        h("button", { type: "button", class: "primary", onclick: () => this.judge() }, "Compare")),
      this.verdict, this.lines);
    this.offered = "";
  }

  offer(runs) {
    this.element.hidden = runs.length < 2;
    const key = runs.map((run) => run.id).join();
    if (key === this.offered) return;
    this.offered = key;
    for (const [select, place] of [[this.a, 0], [this.b, 1]]) {
      const before = select.value;
      select.replaceChildren(...runs.map((run) => h("option", { value: run.id }, `${run.name} (${run.policy})`)));
      select.value = runs.some((run) => run.id === before) ? before : runs[place]?.id ?? "";
    }
  }

  async judge() {
    say(this.verdict, "Comparing");
    const query = new URLSearchParams({ a: this.a.value, b: this.b.value });
    if (this.unpaired.checked) query.set("unpaired", "1");
    try {
      const found = await read(`/runs/compare?${query}`);
      say(this.verdict, `${found.words}.`);
      this.verdict.className = found.verdict < 0 ? "bad" : found.verdict > 0 ? "good" : "";
      say(this.lines, found.lines.join("\n"));
      this.lines.hidden = false;
    } catch (error) {
      this.verdict.className = "bad";
      say(this.verdict, error.message);
      this.lines.hidden = true;
    }
  }
}

class One {
  constructor(body, id) {
    this.id = id;
    this.tasks = h("tbody", {});
    this.charts = h("div", { class: "grid" });
    this.failures = h("div", { class: "grid" });
    this.without = h("p", { class: "dim" });
    this.episodes = h("div", {});
    this.facts = h("p", { class: "dim" });
    body.append(h("p", {}, h("a", { href: "#runs" }, "All runs")), this.facts,
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tasks" }, h("table", {}, h("thead", {}, h("tr", {}, ["Task", "Success, 95 % interval", "Mean progress"].map((text, i) => h("th", { scope: "col", class: i === 2 ? "number" : "" }, text)))), this.tasks)),
      this.charts, h("h2", {}, "Failures"), this.without, this.failures, h("h2", {}, "Episodes"), this.episodes);
    this.plots = [];
    this.films = new Kept(this.failures, (episode) => this.film(episode));
    this.shown = -1;
    this.isRunning = true;
  }

  async load() {
    const run = await read(`/runs/${this.id}`);
    if (run.problem) throw new Error(run.problem);
    this.isRunning = run.is_running;
    if (run.done !== this.shown) {
      this.shown = run.done;
      await this.draw(run);
    }
    const left = run.total === null ? "" : ` of ${run.total}`;
    return `${run.name}: ${run.policy} on ${run.tasks.join(", ")}; ${run.done}${left} episodes${run.is_running ? ", running" : ""}`;
  }

  async draw(run) {
    say(this.facts, `${run.command.join(" ")}; started ${run.started} on ${run.machine.host ?? "an unknown machine"}; ${Object.entries(run.versions).map(([name, version]) => `${name} ${version.slice(0, 12)}`).join(", ")}`);
    this.tasks.replaceChildren(...run.by_task.map((row) => h("tr", {}, h("th", { scope: "row" }, row.task), h("td", {}, new RateBar().update(row).element), h("td", { class: "number" }, number(row.progress)))));
    const failed = run.episodes.filter((episode) => episode.outcome !== "success");
    this.films.update(failed.filter((episode) => episode.video), (episode) => `${episode.task}/${episode.index}`, () => {});
    this.without.hidden = Boolean(this.films.items.size);
    say(this.without, failed.length ? "No video was kept: --failure-videos 5 keeps some." : "None.");
    const rows = run.episodes.map((episode) => h("tr", {}, h("th", { scope: "row" }, `${episode.task} ${episode.index}`),
      h("td", { class: { success: "good", failure: "bad", error: "warn" }[episode.outcome] }, episode.outcome), h("td", { class: "number" }, `${episode.time.toFixed(2)} s`),
      h("td", { class: "number" }, number(episode.progress)), h("td", { class: "number" }, `${(1000 * episode.latency).toFixed(0)} ms`), h("td", {}, [episode.reason, episode.message].filter(Boolean).join(": "))));
    this.episodes.replaceChildren(table("Episodes of the run", ["Episode", "Outcome", "Time", "Progress", "Inference p95", "Why"], rows));
    await plotter();
    if (this.isEnded) return;
    this.plots.forEach((made) => made.destroy());
    this.charts.replaceChildren();
    this.plots = [];
    if (run.episodes.length > 1) this.plots.push(plot(this.charts, "Success so far, with its 95 % interval", run.episodes.map((_, i) => i + 1), soFar(run.episodes), { label: "episodes", range: [0, 1] }));
    const known = run.sweep.filter((point) => point.latency >= 0);
    if (known.length > 1) {
      this.plots.push(plot(this.charts, "Success against latency", known.map((point) => point.latency),
        [["success", known.map((point) => point.rate)], ["stale periods", known.map((point) => point.stale_share)], ["lower end", known.map((point) => point.lower), "--dim"], ["upper end", known.map((point) => point.upper), "--dim"]], { label: "latency [s]", range: [0, 1] }));
    }
  }

  film(episode) {
    const src = `/runs/${this.id}/video/${encodeURIComponent(episode.task)}/${episode.index}`;
    const name = `Video of ${episode.task} ${episode.index}`;
    const film = episode.video === "gif" ? h("img", { src, alt: name, loading: "lazy" }) : h("video", { src, controls: true, muted: true, playsinline: true, preload: "metadata", "aria-label": name });
    return { element: h("figure", { class: "card" }, film, h("figcaption", {}, `${episode.task} ${episode.index}, ${episode.outcome} after ${episode.time.toFixed(1)} s: ${episode.message}`)) };
  }

  end() {
    this.isEnded = true;
    this.plots.forEach((made) => made.destroy());
  }
}

// The rate after each episode with Wilson's interval, as evaluation/statistics.py has it.
function soFar(episodes) {
  const z = 1.959964;
  const [rates, lower, upper] = [[], [], []];
  let successes = 0;
  episodes.forEach((episode, i) => {
    const n = i + 1;
    successes += episode.outcome === "success";
    const [p, squared] = [successes / n, z * z];
    const middle = (p + squared / (2 * n)) / (1 + squared / n);
    const half = (z / (1 + squared / n)) * Math.sqrt((p * (1 - p)) / n + squared / (4 * n * n));
    rates.push(p);
    lower.push(Math.max(middle - half, 0));
    upper.push(Math.min(middle + half, 1));
  });
  return [["success", rates], ["lower end", lower, "--dim"], ["upper end", upper, "--dim"]];
}
