// Moves particles in a canvas. Everything it shows lies in the page, as numbers of 16 bits (runtime/report/packed.h).
//
// Dots are blended into an image by hand: twenty thousand calls of the canvas take several times as long, WebGL is not
// there everywhere, and so a picture is the same wherever it is drawn.
//
// The page's address may end in #t=0.5, which moves all sliders there, and in #check, which moves them, looks at the
// pixels, and writes what it saw into the page.
"use strict";
(() => {
  const source = document.getElementById("motions");
  const errors = [];
  window.addEventListener("error", e => errors.push(String(e.message)));

  // --- colours ---

  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rgb = hex => [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));

  // Colours between those of the style sheet, for shares of 0 to 1.
  function scale(prefix, count, size) {
    const ends = Array.from({length: count}, (_, k) => rgb(style(`--${prefix}${k}`)));
    return Array.from({length: size}, (_, n) => {
      const place = n / (size - 1) * (count - 1), k = Math.min(count - 2, Math.floor(place));
      return ends[k].map((v, c) => Math.round(v + (place - k) * (ends[k + 1][c] - v)));
    });
  }
  const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;
  const kShades = 65;
  let theme;
  function readTheme() {
    theme = {paper: style("--paper"), ink: style("--ink"), soft: style("--soft"), faint: style("--faint"), frame: style("--frame"),
      particle: rgb(style("--c0")), data: rgb(style("--grey")),
      diverging: scale("d", 9, kShades), rising: scale("s", 5, kShades)};
  }

  // --- numbers ---

  const kMissing = -32768;
  function shorts(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; ++i) bytes[i] = raw.charCodeAt(i);
    return new Int16Array(bytes.buffer);
  }
  const unpacked = (code, [low, high]) => low + (code + 32767) / 65534 * (high - low);
  // Packed values at several times as one array of numbers for each time.
  function grids(packed, times) {
    if (!packed) return null;
    const codes = shorts(packed.data), size = codes.length / times;
    return Array.from({length: times}, (_, k) => Float32Array.from(codes.subarray(k * size, (k + 1) * size),
      code => code === kMissing ? NaN : unpacked(code, packed.range)));
  }
  const clouds = packed => packed.data.map(planes => planes.map(shorts));
  const minus = text => text.replace("-", "\u2212").replace("e+", "e");
  const readable = value => Number.isFinite(value) ? minus(String(Number(value.toPrecision(3)))) : "–";

  // Multiples of 1, 2 or 5 times a power of ten, about `count` of them.
  function ticks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const share = raw / power, step = power * (share < 1.4 ? 1 : share < 3.2 ? 2 : share < 7.1 ? 5 : 10);
    const result = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && result.length < 50; ++k)
      result.push([k * step, minus(String(Number((k * step).toPrecision(6))))]);
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

  // Values at t, linear between two times.
  function between(values, times, t) {
    const [k, share] = interval(times, t);
    if (share === 0 || k + 1 >= values.length) return values[k];
    const a = values[k], b = values[k + 1], result = new Float32Array(Math.min(a.length, b.length));
    for (let i = 0; i < result.length; ++i) result[i] = a[i] + share * (b[i] - a[i]);
    return result;
  }

  function nearest(times, t) {
    let best = 0;
    times.forEach((time, k) => { if (Math.abs(time - t) < Math.abs(times[best] - t)) best = k; });
    return best;
  }

  // --- dots ---

  // How much of each pixel a disc covers, for sixteen places of its middle within a pixel.
  const stamps = new Map();
  function stamp(radius) {
    const key = Math.round(radius * 4);
    if (stamps.has(key)) return stamps.get(key);
    const r = key / 4, reach = Math.ceil(r + 1), size = 2 * reach + 1, masks = [];
    for (let v = 0; v < 4; ++v)
      for (let u = 0; u < 4; ++u) {
        const mask = [];
        for (let y = -reach; y <= reach; ++y)
          for (let x = -reach; x <= reach; ++x) {
            const distance = Math.hypot(x - (u + 0.5) / 4 + 0.5, y - (v + 0.5) / 4 + 0.5);
            const cover = Math.min(1, Math.max(0, r - distance + 0.5));
            if (cover > 0) mask.push(x, y, cover);
          }
        masks.push(mask);
      }
    const made = {masks, reach, size};
    stamps.set(key, made);
    return made;
  }

  class Layer {
    fit(width, height) {
      if (this.image && this.image.width === width && this.image.height === height) {
        this.words.fill(0);
        return;
      }
      this.canvas = Object.assign(document.createElement("canvas"), {width, height});
      this.context = this.canvas.getContext("2d");
      this.image = this.context.createImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    // A disc of a colour and an opacity over what is there.
    dot(x, y, radius, [r, g, b], opacity) {
      const {width, height, data} = this.image, {masks, reach} = stamp(radius);
      const ix = Math.floor(x), iy = Math.floor(y);
      if (ix < -reach || iy < -reach || ix >= width + reach || iy >= height + reach) return;
      const mask = masks[Math.floor((y - iy) * 4) * 4 + Math.floor((x - ix) * 4)];
      for (let m = 0; m < mask.length; m += 3) {
        const px = ix + mask[m], py = iy + mask[m + 1];
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
        const at = 4 * (py * width + px), over = opacity * mask[m + 2], under = data[at + 3] / 255 * (1 - over);
        const alpha = over + under, share = over / alpha;
        data[at] += (r - data[at]) * share;
        data[at + 1] += (g - data[at + 1]) * share;
        data[at + 2] += (b - data[at + 2]) * share;
        data[at + 3] = 255 * alpha;
      }
    }
    onto(context, x, y, width, height) {
      this.context.putImageData(this.image, 0, 0);
      context.drawImage(this.canvas, x, y, width, height);
    }
  }

  // --- grids ---

  // Segments of one level, by marching squares: x0, y0, x1, y1, … in grid units (as field.cpp draws them).
  function contour(values, side, level) {
    const out = [];
    for (let j = 0; j + 1 < side; ++j)
      for (let i = 0; i + 1 < side; ++i) {
        const at = j * side + i;
        const v = [values[at] - level, values[at + 1] - level, values[at + side + 1] - level, values[at + side] - level];
        const above = v.map(value => value > 0);
        if (v.some(Number.isNaN) || (above[0] === above[1] && above[1] === above[2] && above[2] === above[3])) continue;
        const xs = [i, i + 1, i + 1, i], ys = [j, j, j + 1, j + 1], crossed = [];
        for (let c = 0; c < 4; ++c) {
          const d = (c + 1) % 4;
          if (above[c] === above[d]) continue;
          const share = v[c] / (v[c] - v[d]);
          crossed.push([xs[c] + share * (xs[d] - xs[c]), ys[c] + share * (ys[d] - ys[c])]);
        }
        if (crossed.length === 2) out.push(...crossed[0], ...crossed[1]);
        if (crossed.length !== 4) continue;
        const shift = (v[0] + v[1] + v[2] + v[3] > 0) === above[0] ? 0 : 3;
        for (const first of [0, 2]) out.push(...crossed[(first + shift) % 4], ...crossed[(first + shift + 1) % 4]);
      }
    return out;
  }

  function leastAndLargest(values) {
    let low = Infinity, high = -Infinity, sum = 0, count = 0;
    for (const v of values)
      if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); sum += v; ++count; }
    return {low, high, mean: count ? sum / count : 0};
  }

  // The field's two components at a place in grid units.
  function interpolated(drift, side, x, y) {
    const i = Math.min(side - 2, Math.floor(x)), j = Math.min(side - 2, Math.floor(y)), u = x - i, v = y - j;
    const value = c => {
      const at = (a, b) => drift[2 * ((j + b) * side + i + a) + c];
      return (1 - v) * ((1 - u) * at(0, 0) + u * at(1, 0)) + v * ((1 - u) * at(0, 1) + u * at(1, 1));
    };
    return [value(0), value(1)];
  }

  // Lines along the field, in grid units, about evenly apart: a line ends where another one passed.
  function streamlines(drift, side, aspect, slow) {
    const cells = 22, taken = new Int32Array(cells * cells).fill(-1), lines = [];
    const cell = ([x, y]) => Math.min(cells - 1, Math.floor(y / (side - 1) * cells)) * cells + Math.min(cells - 1, Math.floor(x / (side - 1) * cells));
    const inside = ([x, y]) => x >= 0 && y >= 0 && x <= side - 1 && y <= side - 1;
    const step = (side - 1) / 120;
    const direction = p => {
      const [u, v] = interpolated(drift, side, p[0], p[1]), a = u * aspect[0], b = v * aspect[1], length = Math.hypot(a, b);
      return length > slow ? [a / length * step, b / length * step] : null;
    };
    const along = (start, sign, id) => {
      const points = [];
      for (let p = start, n = 0; n < 140; ++n) {
        const d = direction(p);
        const half = d && [p[0] + sign * d[0] / 2, p[1] + sign * d[1] / 2], e = half && inside(half) && direction(half);
        if (!e) break;
        p = [p[0] + sign * e[0], p[1] + sign * e[1]];
        if (!inside(p)) break;
        const c = cell(p);
        if (taken[c] >= 0 && taken[c] !== id) break;
        taken[c] = id;
        points.push(p);
      }
      return points;
    };
    for (let n = 0; n < cells * cells; ++n) {
      const order = n * 151 % (cells * cells);
      if (taken[order] >= 0) continue;
      const start = [(order % cells + 0.5) / cells * (side - 1), (Math.floor(order / cells) + 0.5) / cells * (side - 1)];
      taken[order] = n;
      const line = [...along(start, -1, n).reverse(), start, ...along(start, 1, n)];
      if (line.length > 12) lines.push(line);
    }
    return lines;
  }

  // --- a player ---

  const element = (tag, properties, ...children) => {
    const e = Object.assign(document.createElement(tag), properties);
    e.append(...children);
    return e;
  };
  let made = 0;

  function player(host, motion) {
    const d = motion.dimension, times = motion.times, names = motion.coordinates;
    const points = clouds(motion.points), counts = motion.points.counts;
    const grey = clouds(motion.reference.points), greyTimes = motion.reference.times;
    const weights = grids2(motion.weights), rates = grids2(motion.growth);
    const field = motion.field && {...motion.field, drift: grids(motion.field.drift, motion.field.times.length),
      potential: grids(motion.field.potential, motion.field.times.length), growth: grids(motion.field.growth, motion.field.times.length)};
    const first = times[0], last = times[times.length - 1], still = !(last > first);
    const name = ++made;

    // Numbers of the particles, whose count may differ from time to time.
    function grids2(packed) {
      if (!packed) return null;
      const codes = shorts(packed.data);
      let from = 0;
      return counts.map(count => Float32Array.from(codes.subarray(from, from += count),
        code => code === kMissing ? NaN : unpacked(code, packed.range)));
    }

    // What is the same at all times: spacing of the levels, the longest arrow, the largest rate.
    const spacing = field && field.potential ? Math.max(...field.potential.map(v => { const {low, high} = leastAndLargest(v); return high - low; })) / 14 : 0;
    const lengths = field ? field.drift.flatMap(v => { const out = []; for (let i = 0; i < v.length; i += 2) out.push(Math.hypot(v[i], v[i + 1])); return out; }).filter(Number.isFinite).sort((a, b) => a - b) : [];
    const fastest = lengths.length ? lengths[Math.floor(0.98 * (lengths.length - 1))] : 0;
    const largest = all => all ? Math.max(...all.map(v => { let m = 0; for (const x of v) if (Math.abs(x) > m) m = Math.abs(x); return m; })) : 0;
    const mostRate = Math.max(largest(rates), field ? largest(field.growth) : 0);

    const canvas = element("canvas", {tabIndex: 0});
    canvas.setAttribute("role", "img");
    const play = element("button", {type: "button", textContent: "Play", disabled: still});
    const slider = element("input", {type: "range", min: 0, max: 1000, value: 0, step: 1, disabled: still});
    slider.setAttribute("aria-label", `time (${motion.time})`);
    if (times.length <= 30 && !still) {
      const list = element("datalist", {id: `times-${name}`});
      for (const time of times) list.append(element("option", {value: Math.round(1000 * (time - first) / (last - first))}));
      slider.setAttribute("list", list.id);
      host.append(list);
    }
    const clock = element("output", {});
    const choice = (options, value) => {
      const select = element("select", {});
      for (const [key, text] of options) select.append(element("option", {value: key, textContent: text}));
      select.value = value;
      return select;
    };
    const coordinates = names.map((text, k) => [k, text]);
    const across = choice(coordinates, 0), up = choice(coordinates, Math.min(1, d - 1));
    const colouring = choice([...(weights ? [["weight", "weight"]] : []), ...(rates ? [["rate", "growth rate"]] : []), ["plain", "none"]],
      weights ? "weight" : rates ? "rate" : "plain");
    const flow = choice([["none", "none"], ["arrows", "arrows"], ["lines", "streamlines"]], field ? "arrows" : "none");
    const check = on => element("input", {type: "checkbox", checked: on});
    const showParticles = check(true), showData = check(true), showPaths = check(d > 1 && !field), showPotential = check(true), showGrowth = check(false);
    const group = (legend, ...children) => element("fieldset", {}, element("legend", {textContent: legend}), ...children);
    const pair = (text, control) => element("label", {className: "pair"}, text, control);
    const tick = (control, text) => element("label", {}, control, text);
    const options = element("div", {className: "options"});
    if (d > 2) options.append(group("Coordinates", pair("across", across), pair("up", up)));
    if (weights || rates) options.append(group("Colour of the particles", colouring));
    if (field) options.append(group("Velocity", flow));
    const shows = [];
    if (d > 1) shows.push(tick(showParticles, "particles"));
    if (grey.length) shows.push(tick(showData, motion.reference.label));
    if (d > 1 && !still) shows.push(tick(showPaths, "trajectories"));
    if (field && field.potential) shows.push(tick(showPotential, "contours of the potential"));
    if (field && field.growth) shows.push(tick(showGrowth, "growth rate of the field"));
    if (shows.length) options.append(group("Show", ...shows));
    const key = element("div", {className: "key"});
    options.append(key);
    host.append(element("div", {}, canvas, element("div", {className: "time"}, play, slider, clock)), options);

    let t = first;
    const decimals = Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(last - first || 1))));
    // The browser advises to say so where pixels are read.
    const g = canvas.getContext("2d", {willReadFrequently: location.hash === "#check"}), layer = new Layer();
    const present = () => `${motion.time} = ${minus(t.toFixed(decimals))}`;

    // A histogram as a density over the frame.
    function density(codes, weight, [low, high]) {
      const bins = new Float64Array(60), range = motion.ranges[0];
      let total = 0;
      for (let i = 0; i < codes.length; ++i) {
        const w = weight ? 2 ** weight[i] : 1, v = codes[i] === kMissing ? NaN : unpacked(codes[i], range);
        if (!Number.isFinite(v) || !Number.isFinite(w)) continue;
        total += w;
        const k = Math.floor((v - low) / (high - low) * bins.length);
        if (k >= 0 && k < bins.length) bins[k] += w;
      }
      return bins.map(b => total > 0 ? b * bins.length / (total * (high - low)) : 0);
    }
    let highest = 0;
    if (d === 1) {
      points.forEach((p, k) => { highest = Math.max(highest, ...density(p[0], weights && weights[k], motion.views[0])); });
      grey.forEach(p => { highest = Math.max(highest, ...density(p[0], null, motion.views[0])); });
    }

    // Both axes count pixels of the square alike if that leaves the picture readable (as match_scales does).
    function matched(x, y) {
      const u = x[1] - x[0], v = y[1] - y[0], span = Math.max(u, v);
      if (!(span <= 3 * Math.min(u, v))) return [x, y];
      return [x, y].map(range => { const middle = (range[0] + range[1]) / 2; return [middle - span / 2, middle + span / 2]; });
    }

    function draw() {
      const ratio = Math.min(2, window.devicePixelRatio || 1), size = canvas.clientWidth || 600;
      const whole = Math.round(size * ratio);
      if (canvas.width !== whole) canvas.width = canvas.height = whole;
      g.setTransform(ratio, 0, 0, ratio, 0, 0);
      g.fillStyle = theme.paper;
      g.fillRect(0, 0, size, size);
      const i = Number(across.value), j = Number(up.value), flat = d === 1;
      const [xs, ys] = flat ? [motion.views[0], [0, 1.08 * highest || 1]] : matched(motion.views[i], motion.views[j]);
      const box = {left: size < 420 ? 50 : 62, top: 10};
      box.size = size - box.left - 12;
      box.height = Math.min(box.size, size - box.top - 46);
      box.size = flat ? box.size : box.height = Math.min(box.size, box.height);
      box.right = box.left + box.size;
      box.bottom = box.top + box.height;
      const px = v => box.left + (v - xs[0]) / (xs[1] - xs[0]) * box.size;
      const py = v => box.bottom - (v - ys[0]) / (ys[1] - ys[0]) * box.height;
      grid(box, xs, ys, px, py);
      const k = grey.length ? nearest(greyTimes, t) : -1;
      // A field belongs to the first two coordinates, either way round.
      const turned = field && i === 1 && j === 0, fits = field && !flat && i !== j;
      g.save();
      g.beginPath();
      g.rect(box.left, box.top, box.size, box.height);
      g.clip();
      if (flat) drawDensities(k, xs, px, py, box);
      else {
        if (fits && field.growth && showGrowth.checked) drawGrowth(box, turned);
        dots(box, xs, ys, i, j, k, ratio);
        if (fits && field.potential && showPotential.checked) drawPotential(box, turned);
        if (showPaths.checked) drawPaths(xs, ys, i, j, px, py);
        if (fits && flow.value !== "none") drawVelocity(box, turned);
      }
      g.restore();
      labels(box, xs, ys, px, py, names[i], flat ? "density" : names[j]);
      clock.textContent = present();
      slider.setAttribute("aria-valuetext", present());
      canvas.setAttribute("aria-label", `${motion.name} at ${present()}`);
    }

    function line(x0, y0, x1, y1) {
      g.beginPath();
      g.moveTo(x0, y0);
      g.lineTo(x1, y1);
      g.stroke();
    }
    function grid(box, xs, ys, px, py) {
      g.lineWidth = 1;
      g.strokeStyle = theme.faint;
      for (const [v] of ticks(xs[0], xs[1], 6)) line(px(v), box.top, px(v), box.bottom);
      for (const [v] of ticks(ys[0], ys[1], 6)) line(box.left, py(v), box.right, py(v));
    }
    function labels(box, xs, ys, px, py, xName, yName) {
      g.font = '12px "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif';
      g.fillStyle = theme.soft;
      g.strokeStyle = theme.frame;
      g.strokeRect(box.left, box.top, box.size, box.height);
      g.textAlign = "center";
      let free = -Infinity;
      for (const [v, label] of ticks(xs[0], xs[1], 6)) {
        const half = g.measureText(label).width / 2;
        if (px(v) - half < free) continue;
        g.fillText(label, px(v), box.bottom + 16);
        free = px(v) + half + 6;
      }
      g.textAlign = "right";
      for (const [v, label] of ticks(ys[0], ys[1], 6)) g.fillText(label, box.left - 6, py(v) + 4);
      g.textAlign = "center";
      g.fillStyle = theme.ink;
      g.font = g.font.replace("12px", "14px");
      g.fillText(xName, (box.left + box.right) / 2, box.bottom + 36, box.size);
      g.save();
      g.translate(14, (box.top + box.bottom) / 2);
      g.rotate(-Math.PI / 2);
      g.fillText(yName, 0, 0, box.height);
      g.restore();
    }

    // Radius and opacity for so many dots.
    const look = count => count <= 200 ? [3.2, 0.85] : count <= 2000 ? [2.3, 0.7] : count <= 6000 ? [1.7, 0.55] : [1.3, 0.42];

    function dots(box, xs, ys, i, j, k, ratio) {
      const width = Math.max(1, Math.round(box.size * ratio));
      layer.fit(width, width);
      // From codes to pixels in one step.
      const toPixel = (range, [low, high]) => {
        const unit = (range[1] - range[0]) / 65534 / (high - low) * width;
        return [unit, (range[0] - low) / (high - low) * width + 32767 * unit];
      };
      const [ax, bx] = toPixel(motion.ranges[i], xs), [ay, by] = toPixel(motion.ranges[j], ys);
      if (k >= 0 && showData.checked) {
        const x = grey[k][i], y = grey[k][j], [radius, opacity] = look(x.length);
        for (let n = 0; n < x.length; ++n)
          if (x[n] !== kMissing && y[n] !== kMissing) layer.dot(ax * x[n] + bx, width - ay * y[n] - by, radius * ratio, theme.data, 0.6 * opacity);
      }
      if (showParticles.checked) {
        const [m, share] = interval(times, t), now = points[m], then = points[Math.min(m + 1, points.length - 1)];
        const x0 = now[i], y0 = now[j], x1 = then[i], y1 = then[j], count = share > 0 ? Math.min(x0.length, x1.length) : x0.length;
        const [radius, opacity] = look(count);
        const weight = weights && between(weights, times, t);
        const shade = colouring.value === "weight" ? weight : colouring.value === "rate" && rates ? between(rates, times, t) : null;
        const unit = (colouring.value === "weight" ? 3 : mostRate) || 1, middle = (kShades - 1) / 2;
        for (let n = 0; n < count; ++n) {
          if (x0[n] === kMissing || y0[n] === kMissing || (share > 0 && (x1[n] === kMissing || y1[n] === kMissing))) continue;
          let colour = theme.particle, r = radius;
          if (weight) {
            if (!(weight[n] > -30)) continue;
            r *= Math.min(2.5, Math.max(0.3, 2 ** (weight[n] / 2)));
          }
          if (shade) {
            const s = Math.max(-1, Math.min(1, shade[n] / unit));
            colour = theme.diverging[Math.round(middle + middle * (s || 0))];
          }
          const x = x0[n] + share * (x1[n] - x0[n]), y = y0[n] + share * (y1[n] - y0[n]);
          layer.dot(ax * x + bx, width - ay * y - by, r * ratio, colour, shade ? Math.min(1, opacity + 0.2) : opacity);
        }
      }
      layer.onto(g, box.left, box.top, box.size, box.size);
    }

    function drawPaths(xs, ys, i, j, px, py) {
      const [m] = interval(times, t), count = points[0][0].length, step = Math.max(1, Math.floor(count / 20));
      const [k, share] = interval(times, t);
      const value = (n, time, c) => points[time][c][n] === kMissing ? NaN : unpacked(points[time][c][n], motion.ranges[c]);
      g.strokeStyle = theme.ink;
      g.globalAlpha = 0.55;
      g.lineWidth = 0.9;
      for (let n = 0; n < count; n += step) {
        g.beginPath();
        for (let time = 0; time <= m && n < points[time][0].length; ++time) g.lineTo(px(value(n, time, i)), py(value(n, time, j)));
        if (share > 0 && k + 1 < points.length && n < points[k + 1][0].length)
          g.lineTo(...[[i, px], [j, py]].map(([c, place]) => place(value(n, k, c) + share * (value(n, k + 1, c) - value(n, k, c)))));
        g.stroke();
      }
      g.globalAlpha = 1;
    }

    // From grid units to the page.
    function placing(box, turned) {
      const unit = box.size / (field.side - 1);
      return turned ? (x, y) => [box.left + y * unit, box.bottom - x * unit] : (x, y) => [box.left + x * unit, box.bottom - y * unit];
    }

    function drawPotential(box, turned) {
      const values = between(field.potential, field.times, t), {low, high, mean} = leastAndLargest(values), place = placing(box, turned);
      if (!(spacing > 0)) return;
      const levels = [];
      for (let n = Math.ceil((low - mean) / spacing - 0.5); mean + (n + 0.5) * spacing < high; ++n) levels.push(mean + (n + 0.5) * spacing);
      g.lineWidth = 1.1;
      levels.forEach((level, n) => {
        const lines = contour(values, field.side, level);
        g.strokeStyle = css(theme.rising[Math.round((levels.length < 2 ? 0.5 : n / (levels.length - 1)) * (kShades - 1))]);
        g.beginPath();
        for (let s = 0; s < lines.length; s += 4) {
          g.moveTo(...place(lines[s], lines[s + 1]));
          g.lineTo(...place(lines[s + 2], lines[s + 3]));
        }
        g.stroke();
      });
    }

    function drawGrowth(box, turned) {
      const values = between(field.growth, field.times, t), middle = (kShades - 1) / 2, side = field.side;
      const image = new ImageData(side, side);
      for (let b = 0; b < side; ++b)
        for (let a = 0; a < side; ++a) {
          const value = turned ? values[a * side + b] : values[b * side + a], s = Math.max(-1, Math.min(1, value / (mostRate || 1)));
          const [red, green, blue] = theme.diverging[Math.round(middle + middle * (s || 0))];
          image.data.set([red, green, blue, 40 + 150 * Math.sqrt(Math.abs(s || 0))], 4 * ((side - 1 - b) * side + a));
        }
      const small = Object.assign(document.createElement("canvas"), {width: side, height: side});
      small.getContext("2d").putImageData(image, 0, 0);
      // The middles of the outermost pixels lie on the frame.
      const cell = box.size / (side - 1);
      g.drawImage(small, box.left - cell / 2, box.top - cell / 2, box.size + cell, box.size + cell);
    }

    function drawVelocity(box, turned) {
      const drift = between(field.drift, field.times, t), side = field.side, place = placing(box, turned);
      const aspect = [box.size / (field.x[1] - field.x[0]), box.size / (field.y[1] - field.y[0])];
      g.strokeStyle = g.fillStyle = theme.ink;
      g.lineWidth = 1.1;
      g.globalAlpha = 0.85;
      const head = (x, y, dx, dy, size) => {
        g.moveTo(x - size * (dx - 0.5 * dy), y - size * (dy + 0.5 * dx));
        g.lineTo(x, y);
        g.lineTo(x - size * (dx + 0.5 * dy), y - size * (dy - 0.5 * dx));
      };
      g.beginPath();
      if (flow.value === "arrows") {
        const cells = box.size < 380 ? 11 : 17, cell = box.size / cells, unit = fastest * Math.min(...aspect);
        for (let b = 0; b < cells && unit > 0; ++b)
          for (let a = 0; a < cells; ++a) {
            const x = (a + 0.5) / cells * (side - 1), y = (b + 0.5) / cells * (side - 1), [u, v] = interpolated(drift, side, x, y);
            const on = [u * aspect[0], v * aspect[1]], length = Math.hypot(...on), shown = Math.min(1.3, length / unit) * cell * 0.95;
            if (!(shown > 1)) continue;
            const [dx, dy] = turned ? [on[1] / length, -on[0] / length] : [on[0] / length, -on[1] / length], [sx, sy] = place(x, y);
            g.moveTo(sx, sy);
            g.lineTo(sx + dx * shown, sy + dy * shown);
            head(sx + dx * shown, sy + dy * shown, dx, dy, Math.min(6, 1.5 + 0.35 * shown));
          }
      } else {
        for (const points of streamlines(drift, side, aspect, 0.002 * fastest * Math.min(...aspect))) {
          points.forEach(([x, y], n) => n ? g.lineTo(...place(x, y)) : g.moveTo(...place(x, y)));
          const middle = Math.floor(0.6 * points.length), [x0, y0] = place(...points[middle - 1]), [x1, y1] = place(...points[middle]);
          const length = Math.hypot(x1 - x0, y1 - y0);
          if (length > 0) head(x1, y1, (x1 - x0) / length, (y1 - y0) / length, 6);
        }
      }
      g.stroke();
      g.globalAlpha = 1;
    }

    function drawDensities(k, xs, px, py, box) {
      const outline = bins => {
        const step = (xs[1] - xs[0]) / bins.length;
        g.beginPath();
        g.moveTo(px(xs[0]), box.bottom);
        bins.forEach((b, n) => { g.lineTo(px(xs[0] + n * step), py(b)); g.lineTo(px(xs[0] + (n + 1) * step), py(b)); });
        g.lineTo(px(xs[1]), box.bottom);
      };
      if (k >= 0 && showData.checked) {
        outline(density(grey[k][0], null, xs));
        g.fillStyle = css(theme.data);
        g.globalAlpha = 0.45;
        g.fill();
        g.globalAlpha = 1;
      }
      const [m, share] = interval(times, t), now = points[m][0], then = points[Math.min(m + 1, points.length - 1)][0];
      const codes = share > 0 ? Float32Array.from({length: Math.min(now.length, then.length)}, (_, n) =>
        now[n] === kMissing || then[n] === kMissing ? kMissing : now[n] + share * (then[n] - now[n])) : now;
      outline(density(codes, weights && between(weights, times, t), xs));
      g.strokeStyle = css(theme.particle);
      g.lineWidth = 2;
      g.stroke();
    }

    // --- what the marks mean ---

    function bar(title, colours, low, high) {
      const stops = colours.filter((_, n) => n % 8 === 0).map(css).join(", "), strip = element("div", {className: "bar"});
      strip.style.background = `linear-gradient(to right, ${stops})`;
      return element("div", {}, title, strip, element("div", {className: "ends"}, element("span", {textContent: low}), element("span", {textContent: high})));
    }
    function mark(colour, text) {
      const dot = element("span", {className: "mark"});
      dot.style.background = css(colour);
      return element("p", {}, dot, text);
    }
    const grouped = n => n < 10000 ? String(n) : String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
    function explain() {
      const shown = Math.max(0, ...counts), all = motion.count;
      const marks = [];
      if (colouring.value === "plain") marks.push(mark(theme.particle, shown < all ? `${grouped(shown)} of ${grouped(all)} particles` : `${grouped(all)} particle${all === 1 ? "" : "s"}`));
      else marks.push(bar(`${shown < all ? `${grouped(shown)} of ${grouped(all)}` : grouped(all)} particles by ${colouring.value === "weight" ? "weight, area too" : "growth rate"}`, theme.diverging,
        colouring.value === "weight" ? "⅛" : readable(-mostRate), colouring.value === "weight" ? "8 × the mean" : readable(mostRate)));
      if (grey.length) {
        const k = nearest(greyTimes, t), at = motion.reference.timed ? ` at ${motion.time} = ${minus(String(greyTimes[k]))}` : "";
        marks.push(mark(theme.data, `${motion.reference.label}${at}`));
      }
      if (field && flow.value !== "none")
        marks.push(element("p", {textContent: flow.value === "arrows" ? `Longest arrows: ${readable(fastest)} per unit of ${motion.time}` : "Lines along the velocity at this time"}));
      if (field && field.potential && showPotential.checked) marks.push(bar("potential", theme.rising, "low", "high"));
      key.replaceChildren(...marks);
    }

    let queued = false;
    function refresh() {
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => { queued = false; draw(); explain(); });
    }
    function show(time) {
      t = Math.min(last, Math.max(first, time));
      if (!still) slider.value = Math.round(1000 * (t - first) / (last - first));
    }

    // One pass over all times takes six seconds.
    let running = false, before = 0;
    function frame(now) {
      if (!running) return;
      show(t + (now - before) / 6000 * (last - first));
      before = now;
      if (t >= last) stop();
      draw();
      explain();
      if (running) requestAnimationFrame(frame);
    }
    function stop() {
      running = false;
      play.textContent = "Play";
    }
    function toggle() {
      if (still) return;
      if (running) return stop();
      if (t >= last) show(first);
      running = true;
      before = performance.now();
      play.textContent = "Pause";
      requestAnimationFrame(frame);
    }
    play.onclick = toggle;
    slider.oninput = () => {
      stop();
      t = first + slider.value / 1000 * (last - first);
      refresh();
    };
    // Arrows move by a hundredth, page keys to the recorded times.
    function steer(event) {
      const moves = {ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01};
      const small = 1e-9 * (last - first);
      let to;
      if (event.key in moves) to = t + moves[event.key] * (last - first);
      else if (event.key === "PageUp") to = times.find(time => time > t + small) ?? last;
      else if (event.key === "PageDown") to = times.findLast(time => time < t - small) ?? first;
      else if (event.key === "Home") to = first;
      else if (event.key === "End") to = last;
      else if (event.key === " ") { event.preventDefault(); return toggle(); }
      else return;
      event.preventDefault();
      stop();
      show(to);
      refresh();
    }
    if (!still) for (const target of [slider, canvas]) target.addEventListener("keydown", steer);
    for (const control of [across, up, colouring, flow, showParticles, showData, showPaths, showPotential, showGrowth]) control.onchange = refresh;
    new ResizeObserver(refresh).observe(canvas);
    draw();
    explain();

    return {
      refresh, first, last,
      show(time) { show(time); draw(); explain(); },
      // The slider as a hand moves it.
      slide(share) { slider.value = Math.round(1000 * share); slider.dispatchEvent(new Event("input")); draw(); explain(); },
      pixels() { return g.getImageData(0, 0, canvas.width, canvas.height).data; },
      // Waits for what is drawn.
      pixel() { return g.getImageData(0, 0, 1, 1).data; },
      time() { return t; },
      size() { return canvas.width; },
      controls: {across, up, colouring, flow, showParticles, showData, showPaths, showPotential, showGrowth}, draw, name: motion.name,
    };
  }

  // --- the page looks at itself ---

  function differences(a, b) {
    let count = 0;
    for (let i = 0; i < a.length; i += 4)
      if (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2]) > 24) ++count;
    return count;
  }
  function check(players) {
    const report = players.map(p => {
      const found = {name: p.name, canvas: p.size()};
      p.slide(0);
      const start = p.pixels();
      found.drawn = differences(start, start.map((_, i) => start[i % 4]));
      p.slide(0);
      found.same = differences(start, p.pixels());
      p.slide(1);
      found.time = p.time();
      found.moved = differences(start, p.pixels());
      // Each control changes the picture or there is nothing for it to change.
      found.controls = {};
      for (const [name, control] of Object.entries(p.controls)) {
        if (!control.isConnected) continue;
        const before = p.pixels(), old = control.type === "checkbox" ? control.checked : control.value;
        if (control.type === "checkbox") control.checked = !old;
        else control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
        p.draw();
        found.controls[name] = differences(before, p.pixels());
        if (control.type === "checkbox") control.checked = old;
        else control.value = old;
      }
      const frames = 20, began = performance.now();
      for (let n = 0; n < frames; ++n) {
        p.show(p.first + (n + 0.5) / frames * (p.last - p.first));
        p.pixel();
      }
      found.milliseconds = (performance.now() - began) / frames;
      p.show(p.first);
      return found;
    });
    document.body.append(element("pre", {id: "check-result", textContent: JSON.stringify({players: report, errors})}));
  }

  if (!source) {
    if (location.hash === "#check") check([]);
    return;
  }
  readTheme();
  const motions = JSON.parse(source.textContent);
  const players = Array.from(document.querySelectorAll(".player"), host => player(host, motions[host.dataset.motion]));
  const wanted = /^#t=([-+.\deE]+)$/.exec(location.hash);
  if (wanted) for (const p of players) p.show(Number(wanted[1]));
  if (location.hash === "#check") check(players);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); players.forEach(p => p.refresh()); });
})();
