"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const config = { responsive: true, displaylogo: false, scrollZoom: true, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
  const font = { family: "DejaVu Sans, Verdana, sans-serif", size: 13, color: "#222226" };
  const base = { font, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", margin: { l: 60, r: 20, t: 46, b: 92 }, hoverlabel: { font } };
  // Below everything, whatever the size of the figure.
  const legend = { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 };
  const LEAK = "#d64a05", SENSOR = "#0072b2", GREY = "#6b6b73";
  const byId = (id) => document.getElementById(id);
  const colours = { colorscale: "Viridis", cmin: data.range_db[0], cmax: data.range_db[1] };
  // On a phone the figure needs the width that an upright bar would take.
  const narrow = window.innerWidth < 700;
  const bar = narrow
    ? { title: { text: "response (dB re peak)", side: "top", font: { size: 12 } }, orientation: "h", thickness: 10, outlinewidth: 0, x: 0.5, y: 1, yanchor: "bottom", len: 1 }
    : { title: { text: "response (dB re peak)", side: "right" }, thickness: 14, outlinewidth: 0 };
  // Rims by probability, as on the plots: the more, the wider, 90 % dashed.
  const rim = (level) => (level > 0.94 ? { color: LEAK, width: 2.8, dash: "solid" } : level > 0.8 ? { color: LEAK, width: 2, dash: "dash" } : { color: LEAK, width: 1.6, dash: "solid" });
  // More names than this would hide what they name.
  const NAMES = 24;
  const number = (x, digits) => (x === null || x === undefined ? "–" : x.toFixed(digits).replace("-", "−"));

  // Hover of a cell: what is asked of a place on the wall.
  const told = (wall, row, column) => {
    const at = wall.cells, v = at.v[row], a = at.a[column];
    const u = wall.kind === "plate" ? a : a * at.metres_per_a[row];
    const angle = wall.kind === "plate" ? "" : `, ${number(a * 180 / Math.PI, 1)}°`;
    const p = wall.probability[`${row},${column}`];
    return `u ${number(u, 3)} m, v ${number(v, 3)} m${angle}<br>${number(wall.db[row][column], 1)} dB` +
      `<br>probability in this cell ${p === undefined ? "below 0.1 %" : number(100 * p, 1) + " %"}`;
  };

  // Flat coordinates of a place of the chart.
  const flat = (wall, a, v) => (wall.kind === "disc" ? [v * Math.cos(a), v * Math.sin(a)] : wall.kind === "plate" ? [a, v] : [a * wall.width_per_a, v]);

  const cells = (wall) => {
    const { a, v } = wall.cells;
    if (wall.kind !== "disc") {
      const text = wall.db.map((line, row) => line.map((_, column) => told(wall, row, column)));
      return { x: a.map((x) => flat(wall, x, 0)[0]), y: v, z: wall.db, text };
    }
    // A disc is looked up cell by cell on an even grid.
    const most = wall.v_m[1], count = 121, axis = Array.from({ length: count }, (_, i) => most * (2 * i / (count - 1) - 1));
    const z = [], text = [];
    for (const y of axis) {
      const line = [], words = [];
      for (const x of axis) {
        const radius = Math.hypot(x, y), angle = (Math.atan2(y, x) + 2 * Math.PI) % (2 * Math.PI);
        const row = Math.floor((radius - wall.v_m[0]) / (wall.v_m[1] - wall.v_m[0]) * v.length);
        const column = Math.floor((angle - wall.a[0]) / (wall.a[1] - wall.a[0]) * a.length);
        const inside = row >= 0 && row < v.length && column >= 0 && column < a.length;
        line.push(inside ? wall.db[row][column] : null);
        words.push(inside ? told(wall, row, column) : "");
      }
      z.push(line); text.push(words);
    }
    return { x: axis, y: axis, z, text };
  };

  const wallFigure = (index) => {
    const wall = data.walls[index];
    const map = Object.assign({ type: "heatmap", hovertemplate: "%{text}<extra></extra>", colorbar: bar, zmin: colours.cmin, zmax: colours.cmax, colorscale: "Viridis" }, cells(wall));
    const marks = (list, name, symbol, color, size) => ({
      type: "scatter", mode: "markers", name, marker: { symbol, color, size, line: { color: symbol.includes("open") ? color : "#ffffff", width: 2 } },
      x: list.map((p) => flat(wall, p.a, p.v)[0]), y: list.map((p) => flat(wall, p.a, p.v)[1]),
      text: list.map((p) => p.text), hovertemplate: "%{text}<extra></extra>",
    });
    const here = (list) => list.filter((p) => p.wall === index);
    const traces = [map];
    here(data.regions).forEach((region) => {
      const at = region.a.map((a, i) => (a === null ? [null, null] : flat(wall, a, region.v[i])));
      const line = { type: "scatter", mode: "lines", x: at.map((p) => p[0]), y: at.map((p) => p[1]), hoverinfo: "skip", showlegend: false };
      traces.push(Object.assign({}, line, { line: { color: "#ffffff", width: 4 } }), Object.assign({}, line, { line: rim(region.level) }));
    });
    const feet = marks(here(data.feet), "sensors, at their nearest wall point", "circle", SENSOR, 11);
    // Names stand on the wall: to the left of what is near its right edge.
    const most = Math.max(...map.x), side = (x) => (x > 0.85 * most ? "middle left" : "middle right");
    if (data.feet.length <= NAMES) Object.assign(feet, { mode: "markers+text", texttemplate: "%{text}", textposition: feet.x.map(side), textfont: { color: "#ffffff", size: 12 } });
    traces.push(feet);
    if (here(data.rivals).length) traces.push(marks(here(data.rivals), "next best places", "diamond-open", LEAK, 15));
    if (here(data.leaks).length) {
      // A white rim below lets the mark stand out from every colour of the map.
      const rim = marks(here(data.leaks), "", "circle-open", "#ffffff", 26);
      rim.marker.line.width = 7;
      traces.push(Object.assign(rim, { showlegend: false, hoverinfo: "skip", hovertemplate: null }), marks(here(data.leaks), "leak", "circle-open", LEAK, 26));
      traces[traces.length - 1].marker.line.width = 4;
    }
    const round = wall.kind !== "plate" && wall.kind !== "disc";
    const axis = { zeroline: false, showgrid: false, ticks: "outside", constrain: "domain" };
    const widest = wall.kind === "cone" || wall.kind === "sphere" ? "u at the widest (m)" : "u (m)";
    Plotly.react("map", traces, Object.assign({}, base, narrow ? { margin: { l: 50, r: 12, t: 96, b: 92 } } : {}, {
      title: { text: `${wall.id}${round ? ", seen from outside" : ""}`, x: 0, xref: "paper", font: { size: 15 } },
      xaxis: Object.assign({ title: { text: wall.kind === "disc" ? "across (m)" : widest } }, axis),
      yaxis: Object.assign({ title: { text: wall.kind === "disc" ? "up (m)" : "v (m)" }, scaleanchor: "x" }, axis),
      legend,
    }), config);
  };

  const closeUp = () => {
    const leak = data.leaks[0];
    if (!leak) { byId("closeup").remove(); byId("closeup-none").hidden = false; return; }
    const traces = leak.rims.map((one) => ({
      type: "scatter", mode: "lines", name: `${number(100 * one.level, 0)} %`, x: one.u_mm, y: one.v_mm,
      line: rim(one.level), hovertemplate: `${number(100 * one.level, 0)} % region<br>u %{x:.2f} mm, v %{y:.2f} mm<extra></extra>`,
    }));
    traces.push({ type: "scatter", mode: "markers", name: "leak", x: [0], y: [0], marker: { color: LEAK, size: 12, symbol: "x" }, hovertemplate: leak.text + "<extra></extra>" });
    Plotly.newPlot("closeup", traces, Object.assign({}, base, {
      title: { text: "Where to look: regions around the place", x: 0, xref: "paper", font: { size: 15 } },
      xaxis: { title: { text: "along u (mm)" }, zeroline: false }, yaxis: { title: { text: "along v (mm)" }, scaleanchor: "x", zeroline: false },
      legend,
    }), config);
  };

  // Colours of the corners of a surface: the loudest of the cells about each, for a leak must not fall between two.
  const cornerColours = (wall) => {
    const rows = wall.db.length, columns = wall.db[0].length, m = wall.surface.x.length - 1, n = wall.surface.x[0].length - 1;
    const span = (i, count, of) => [Math.floor(Math.max(i - 1, 0) * of / count), Math.min(Math.ceil((i + 1) * of / count), of)];
    return wall.surface.x.map((line, i) => line.map((_, j) => {
      const [top, bottom] = span(i, m, rows), [left, right] = span(j, n, columns);
      let most = -Infinity;
      for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) most = Math.max(most, wall.db[row][column] ?? -Infinity);
      return most;
    }));
  };

  const module = () => {
    const middle = (axis) => { const all = data.sensors.map((s) => s.position_m[axis]); return (Math.min(...all) + Math.max(...all)) / 2; };
    const surfaces = data.walls.map((wall, i) => wall.mesh
      ? Object.assign({ type: "mesh3d", intensitymode: "cell", intensity: wall.db[0], opacity: 0.75, showscale: i === 0, colorbar: bar, hoverinfo: "skip" }, colours, wall.mesh)
      : Object.assign({ type: "surface", opacity: 0.75, showscale: i === 0, colorbar: bar, name: wall.id, hovertemplate: `${wall.id}<br>x %{x:.2f}, y %{y:.2f}, z %{z:.2f} m<br>%{surfacecolor:.1f} dB<extra></extra>` }, colours, wall.surface, { surfacecolor: cornerColours(wall) }));
    const points = (list, name, color, symbol, size) => ({
      type: "scatter3d", mode: "markers", name, x: list.map((p) => p.position_m[0]), y: list.map((p) => p.position_m[1]), z: list.map((p) => p.position_m[2]),
      marker: { color, symbol, size, line: { color: "#ffffff", width: 1 } }, text: list.map((p) => p.text), hovertemplate: "%{text}<extra></extra>",
    });
    const traces = [...surfaces, points(data.sensors, "sensors", SENSOR, "circle", 6)];
    // Words stand before the scene: within it they would take the colours of the walls they are seen through.
    const word = (at, text, color, size) => ({ x: at[0], y: at[1], z: at[2], text, showarrow: false, yshift: size, font: { color, size }, bgcolor: "rgba(255,255,255,0.75)", borderpad: 1 });
    const words = data.sensors.length <= NAMES ? data.sensors.map((s) => word(s.position_m, s.name, "#222226", 11)) : [];
    if (data.leaks.length) {
      // A little off the wall, or the wall would cut it.
      const centre = [0, 1, 2].map(middle);
      const off = data.leaks.map((leak) => Object.assign({}, leak, { position_m: leak.position_m.map((x, axis) => x + 0.03 * (x - centre[axis])) }));
      traces.push(points(off, "leak", LEAK, "diamond", 9));
      off.forEach((leak, i) => words.push(word(leak.position_m, off.length > 1 ? `leak ${i + 1}` : "leak", LEAK, 16)));
      data.leaks.forEach((leak, i) => traces.push({
        type: "scatter3d", mode: "lines", name: "95 % region", showlegend: i === 0, hoverinfo: "skip", line: { color: LEAK, width: 6 },
        x: leak.rim_m.map((p) => p[0]), y: leak.rim_m.map((p) => p[1]), z: leak.rim_m.map((p) => p[2]),
      }));
    }
    // Seen from outside, the leak towards the reader.
    const first = data.leaks[0], away = first ? [0, 1, 2].map((axis) => first.position_m[axis] - middle(axis)) : [1, -1, 0];
    const flatness = Math.hypot(away[0], away[1]) || 1, eye = { x: 1.7 * away[0] / flatness, y: 1.7 * away[1] / flatness, z: 0.7 };
    const axis = (text) => ({ title: { text }, backgroundcolor: "#ffffff", gridcolor: "#e4e4e8" });
    Plotly.newPlot("module", traces, Object.assign({}, base, {
      margin: { l: 0, r: 0, t: narrow ? 60 : 10, b: 40 }, legend,
      scene: { annotations: words, aspectmode: "data", camera: { eye }, xaxis: axis("x (m)"), yaxis: axis("y (m)"), zaxis: axis("z (m)") },
    }), Object.assign({}, config, { scrollZoom: true }));
  };

  const pair = (index) => {
    const p = data.pairs[index], x = p.value.map((_, i) => p.first_ms + i * p.step_ms);
    const line = (y, name, color, width, dash) => ({ type: "scatter", mode: "lines", name, x, y, line: { color, width, dash }, hovertemplate: "%{x:.4f} ms: %{y:.3f}<extra></extra>" });
    Plotly.react("pair", [line(p.envelope, "envelope", GREY, 1, "dash"), line(p.value, "correlation", SENSOR, 2)], Object.assign({}, base, {
      title: { text: p.name, x: 0, xref: "paper", font: { size: 15 } },
      xaxis: { title: { text: "delay of the first behind the second (ms)" } }, yaxis: { title: { text: "correlation" } },
      shapes: [{ type: "line", x0: p.implied_ms, x1: p.implied_ms, yref: "paper", y0: 0, y1: 1, line: { color: LEAK, width: 2 } }],
      annotations: [{ x: p.implied_ms, y: 1, yref: "paper", yanchor: "bottom", text: "delay of the place told", showarrow: false, font: { color: LEAK } }],
      legend,
    }), config);
  };

  const channel = (index) => {
    const c = data.channels[index];
    const [low, high] = data.band_khz;
    Plotly.react("channel", [{ type: "scatter", mode: "lines", x: data.frequency_khz, y: c.db, line: { color: SENSOR, width: 1.5 }, hovertemplate: "%{x:.2f} kHz: %{y:.1f} dB<extra></extra>" }], Object.assign({}, base, {
      title: { text: c.name, x: 0, xref: "paper", font: { size: 15 } },
      xaxis: { title: { text: "frequency (kHz)" } }, yaxis: { title: { text: "density (dB re full scale²/Hz)" } },
      shapes: [{ type: "rect", x0: low, x1: high, yref: "paper", y0: 0, y1: 1, fillcolor: "rgba(0,114,178,0.08)", line: { width: 0 }, layer: "below" }],
      annotations: [{ x: (low + high) / 2, y: 1, yref: "paper", yanchor: "bottom", text: "band", showarrow: false, font: { color: GREY } }],
    }), config);
  };

  const chooser = (id, names, show) => {
    const select = byId(id);
    if (!names.length) { select.closest("section").hidden = true; return; }
    names.forEach((name, i) => select.add(new Option(name, i)));
    select.addEventListener("change", () => show(Number(select.value)));
    show(0);
  };

  chooser("wall-choice", data.walls.filter((w) => !w.mesh).map((w) => w.id), (i) => wallFigure(data.walls.indexOf(data.walls.filter((w) => !w.mesh)[i])));
  if (data.leaks.length) {
    const select = byId("wall-choice"), at = data.walls.filter((w) => !w.mesh).indexOf(data.walls[data.leaks[0].wall]);
    if (at >= 0) { select.value = at; wallFigure(data.leaks[0].wall); }
  }
  closeUp();
  module();
  chooser("pair-choice", data.pairs.map((p) => p.name), pair);
  chooser("channel-choice", data.channels.map((c) => c.name), channel);
  document.documentElement.dataset.drawn = "yes";
})();
