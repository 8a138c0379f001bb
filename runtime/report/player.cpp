#include "runtime/report/player.h"

namespace am::report {

const std::string_view kStyle = R"css(
:root { --ink: #1f2430; --soft: #5b616e; --rule: #dfe2e8; --panel: #f7f8fa; --accent: #0072B2; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.5 "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; margin: 0 0 16px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 44px 0 12px; padding-top: 16px; border-top: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 0 0 4px; color: var(--soft); font-weight: 600; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px 24px; margin: 0; }
dl.facts dt { font-size: 13px; color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 13px; }
.n { text-align: right; white-space: nowrap; }
.note { font-size: 13px; color: var(--soft); max-width: 75ch; margin: 8px 0 0; }
figure { margin: 12px 0; }
figure svg { max-width: 100%; height: auto; display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 8px 16px; }
pre { font: 14px/1.55 "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--panel); padding: 14px 18px;
  margin: 0; overflow-x: auto; border-radius: 6px; }
.formula { margin: 0 0 14px; }
.formula pre { font: 17px/1.6 "STIX Two Math", Cambria, Georgia, "DejaVu Serif", serif; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.player { max-width: 720px; margin: 0 0 20px; }
.player canvas { width: 100%; aspect-ratio: 4 / 3; display: block; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; font-size: 14px; margin-top: 8px; }
.controls button { font: inherit; min-width: 72px; padding: 4px 12px; border: 1px solid var(--accent);
  border-radius: 6px; background: var(--accent); color: #fff; cursor: pointer; }
.controls input[type=range] { flex: 1 1 200px; accent-color: var(--accent); }
.controls output { min-width: 90px; font-variant-numeric: tabular-nums; }
.controls select { font: inherit; }
.controls label { white-space: nowrap; }
@media print { .controls { display: none; } }
)css";

const std::string_view kPlayer = R"js(
"use strict";
(() => {
  const source = document.getElementById("motions");
  if (!source) return;
  const ink = "#1f2430", faint = "#e4e6ea", frameColour = "#b4b9c2", particle = "#0072B2", data = "#8a8f98";

  // null stands for what is not finite.
  const numbers = a => Float64Array.from(a, v => v === null ? NaN : v);
  const element = (tag, properties, ...children) => {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  };

  // Multiples of 1, 2 or 5 times a power of ten, about `count` of them.
  function ticks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const share = raw / power, step = power * (share < 1.4 ? 1 : share < 3.2 ? 2 : share < 7.1 ? 5 : 10);
    const result = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
      result.push([k * step, Number((k * step).toPrecision(6)).toString().replace("-", "\u2212")]);
    return result;
  }

  // The recorded interval that holds t: its first index and how far into it.
  function interval(times, t) {
    let k = 0;
    while (k + 2 < times.length && times[k + 1] <= t) ++k;
    if (times.length < 2) return [0, 0];
    const share = (t - times[k]) / (times[k + 1] - times[k]);
    return [k, Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0))];
  }

  // Values at t, linear between the recorded times.
  function at(clouds, [k, share]) {
    if (share === 0 || k + 1 >= clouds.length) return clouds[k];
    const a = clouds[k], b = clouds[k + 1], result = new Float64Array(Math.min(a.length, b.length));
    for (let i = 0; i < result.length; ++i) result[i] = a[i] + share * (b[i] - a[i]);
    return result;
  }

  function nearest(times, t) {
    let best = 0;
    times.forEach((time, k) => { if (Math.abs(time - t) < Math.abs(times[best] - t)) best = k; });
    return best;
  }

  function player(host, motion) {
    const d = motion.dimension, times = motion.times.map(Number);
    const points = motion.points.map(numbers), weights = motion.weights.map(numbers);
    const clouds = motion.reference.points.map(numbers), cloudTimes = motion.reference.times.map(Number);
    const first = times[0], last = times[times.length - 1];
    let sum = 0, terms = 0;
    for (const w of weights) for (const v of w) if (v >= 0) { sum += v; ++terms; }
    const mean = sum > 0 ? sum / terms : 0;

    const canvas = element("canvas", {});
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `particles of ${motion.name} at the chosen time`);
    const play = element("button", {type: "button", textContent: "Play"});
    const slider = element("input", {type: "range", min: 0, max: 1000, value: 0, step: 1});
    slider.setAttribute("aria-label", "time");
    const clock = element("output", {});
    const choice = initial => {
      const select = element("select", {});
      for (let k = 0; k < d; ++k) select.append(element("option", {value: k, textContent: `x[${k}]`}));
      select.value = Math.min(initial, d - 1);
      return select;
    };
    const across = choice(0), up = choice(1);
    const showData = element("input", {type: "checkbox", checked: true});
    const showPaths = element("input", {type: "checkbox", checked: d > 1});
    const controls = element("div", {className: "controls"}, play, slider, clock);
    if (d > 2) controls.append(element("label", {}, "across ", across), element("label", {}, "up ", up));
    if (clouds.length) controls.append(element("label", {}, showData, " data"));
    if (d > 1 && times.length > 1) controls.append(element("label", {}, showPaths, " trajectories"));
    if (times.length < 2) { play.disabled = true; slider.disabled = true; }
    host.append(canvas, controls);
    const shown = Math.max(0, ...points.map(p => p.length / d));
    if (shown < motion.count)
      host.append(element("p", {className: "note", textContent: `${shown} of ${motion.count} particles.`}));

    let t = first;
    const decimals = Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(last - first || 1))));
    const g = canvas.getContext("2d");

    // A histogram as a density over the frame.
    function density(values, weight, [low, high]) {
      const bins = new Float64Array(60);
      let total = 0;
      values.forEach((v, i) => {
        const w = weight && weight.length === values.length ? weight[i] : 1;
        if (!Number.isFinite(v) || !Number.isFinite(w)) return;
        total += w;
        const k = Math.floor((v - low) / (high - low) * bins.length);
        if (k >= 0 && k < bins.length) bins[k] += w;
      });
      return bins.map(b => total > 0 ? b * bins.length / (total * (high - low)) : 0);
    }
    let highest = 0;
    if (d === 1) {
      points.forEach((p, k) => { highest = Math.max(highest, ...density(p, weights[k], motion.ranges[0])); });
      clouds.forEach(p => { highest = Math.max(highest, ...density(p, null, motion.ranges[0])); });
    }

    function draw() {
      const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = width * 0.75;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      g.setTransform(ratio, 0, 0, ratio, 0, 0);
      g.fillStyle = "#fff";
      g.fillRect(0, 0, width, height);
      const i = Number(across.value), j = Number(up.value);
      const xs = [...motion.ranges[i]], ys = d === 1 ? [0, 1.08 * highest || 1] : [...motion.ranges[j]];
      const box = {left: 64, top: 12, right: width - 14, bottom: height - 44};
      if (d > 1) matchScales(xs, ys, (box.right - box.left) / (box.bottom - box.top));
      const px = v => box.left + (v - xs[0]) / (xs[1] - xs[0]) * (box.right - box.left);
      const py = v => box.bottom - (v - ys[0]) / (ys[1] - ys[0]) * (box.bottom - box.top);
      axes(box, xs, ys, px, py, `x[${i}]`, d === 1 ? "density" : `x[${j}]`);
      const place = interval(times, t), k = clouds.length ? nearest(cloudTimes, t) : -1;
      g.save();
      g.beginPath();
      g.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      g.clip();
      if (d === 1) drawDensities(place, k, xs, px, py, box);
      else drawPlane(place, k, i, j, px, py);
      g.restore();
      clock.textContent = `t = ${t.toFixed(decimals)}`;
      clock.title = k >= 0 && motion.reference.timed ? `data recorded at ${cloudTimes[k]}` : "";
    }

    // Both axes count pixels alike if that leaves the picture readable.
    function matchScales(xs, ys, shape) {
      const u = (xs[1] - xs[0]) / shape, v = ys[1] - ys[0], span = Math.max(u, v);
      if (!(span <= 3 * Math.min(u, v))) return;
      const widen = (range, to) => {
        const middle = (range[0] + range[1]) / 2;
        range[0] = middle - to / 2;
        range[1] = middle + to / 2;
      };
      widen(xs, span * shape);
      widen(ys, span);
    }

    function axes(box, xs, ys, px, py, xName, yName) {
      g.font = '12px "Helvetica Neue", Arial, "DejaVu Sans", sans-serif';
      g.lineWidth = 1;
      g.strokeStyle = faint;
      g.fillStyle = ink;
      g.textAlign = "center";
      for (const [v, label] of ticks(xs[0], xs[1], 6)) {
        line(px(v), box.top, px(v), box.bottom);
        g.fillText(label, px(v), box.bottom + 17);
      }
      g.textAlign = "right";
      for (const [v, label] of ticks(ys[0], ys[1], 5)) {
        line(box.left, py(v), box.right, py(v));
        g.fillText(label, box.left - 7, py(v) + 4);
      }
      g.strokeStyle = frameColour;
      g.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      g.textAlign = "center";
      g.fillText(xName, (box.left + box.right) / 2, box.bottom + 36);
      g.save();
      g.translate(16, (box.top + box.bottom) / 2);
      g.rotate(-Math.PI / 2);
      g.fillText(yName, 0, 0);
      g.restore();
    }

    function line(x0, y0, x1, y1) {
      g.beginPath();
      g.moveTo(x0, y0);
      g.lineTo(x1, y1);
      g.stroke();
    }

    function dots(cloud, i, j, px, py, colour, opacity, weight) {
      const count = cloud.length / d, radius = count <= 200 ? 3 : count <= 2000 ? 2 : 1.4;
      g.fillStyle = colour;
      g.globalAlpha = opacity;
      for (let n = 0; n < count; ++n) {
        const r = radius * (weight ? Math.min(4, Math.sqrt(Math.max(0, weight[n]) / mean)) : 1);
        const x = px(cloud[n * d + i]), y = py(cloud[n * d + j]);
        if (!(r > 0) || Number.isNaN(x + y)) continue;
        g.beginPath();
        g.arc(x, y, r, 0, 2 * Math.PI);
        g.fill();
      }
      g.globalAlpha = 1;
    }

    function drawPlane(place, k, i, j, px, py) {
      if (k >= 0 && showData.checked) dots(clouds[k], i, j, px, py, data, 0.45, null);
      const now = at(points, place);
      dots(now, i, j, px, py, particle, 0.65, mean > 0 && weights.length === points.length ? at(weights, place) : null);
      if (!showPaths.checked) return;
      g.strokeStyle = ink;
      g.globalAlpha = 0.5;
      g.lineWidth = 0.9;
      const count = points[0].length / d, step = Math.max(1, Math.floor(count / 16));
      for (let n = 0; n < count; n += step) {
        g.beginPath();
        for (let m = 0; m <= place[0] && n * d < points[m].length; ++m)
          g.lineTo(px(points[m][n * d + i]), py(points[m][n * d + j]));
        if (n * d < now.length) g.lineTo(px(now[n * d + i]), py(now[n * d + j]));
        g.stroke();
      }
      g.globalAlpha = 1;
    }

    function drawDensities(place, k, xs, px, py, box) {
      const outline = bins => {
        const step = (xs[1] - xs[0]) / bins.length;
        g.beginPath();
        g.moveTo(px(xs[0]), box.bottom);
        bins.forEach((b, n) => { g.lineTo(px(xs[0] + n * step), py(b)); g.lineTo(px(xs[0] + (n + 1) * step), py(b)); });
        g.lineTo(px(xs[1]), box.bottom);
      };
      if (k >= 0 && showData.checked) {
        outline(density(clouds[k], null, xs));
        g.fillStyle = data;
        g.globalAlpha = 0.45;
        g.fill();
        g.globalAlpha = 1;
      }
      outline(density(at(points, place), weights.length === points.length ? at(weights, place) : null, xs));
      g.strokeStyle = particle;
      g.lineWidth = 2;
      g.stroke();
    }

    // One pass over all times takes six seconds.
    let running = false, before = 0;
    function frame(now) {
      if (!running) return;
      t = Math.min(last, t + (now - before) / 6000 * (last - first));
      before = now;
      slider.value = Math.round(1000 * (t - first) / (last - first));
      if (t >= last) stop();
      draw();
      if (running) requestAnimationFrame(frame);
    }
    function stop() {
      running = false;
      play.textContent = "Play";
    }
    play.onclick = () => {
      if (running) return stop();
      if (t >= last) t = first;
      running = true;
      before = performance.now();
      play.textContent = "Pause";
      requestAnimationFrame(frame);
    };
    slider.oninput = () => {
      stop();
      t = first + slider.value / 1000 * (last - first);
      draw();
    };
    for (const control of [across, up, showData, showPaths]) control.onchange = draw;
    window.addEventListener("resize", draw);
    draw();
  }

  const motions = JSON.parse(source.textContent);
  for (const host of document.querySelectorAll(".player")) player(host, motions[host.dataset.motion]);
})();
)js";

}  // namespace am::report
