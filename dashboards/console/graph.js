(function () {
  'use strict';
  var main = document.querySelector('main');
  var prefix = main.dataset.prefix, instance = main.dataset.instance;
  var span = { '5m': 300, '15m': 900, '1h': 3600, '6h': 21600, '1d': 86400, '7d': 604800 }[main.dataset.span];
  var step = Math.max(5, Math.ceil(span / 240));
  var every = 15000;
  var space = 'http://www.w3.org/2000/svg';

  function draw(name, attributes, into, text) {
    var e = document.createElementNS(space, name);
    Object.keys(attributes).forEach(function (k) { e.setAttribute(k, attributes[k]); });
    if (text !== undefined) { e.textContent = text; }
    if (into) { into.appendChild(e); }
    return e;
  }

  function element(name, cls, text) {
    var e = document.createElement(name);
    if (cls) { e.className = cls; }
    if (text !== undefined) { e.textContent = text; }
    return e;
  }

  // short writes a number with three digits and a letter for its size.
  function short(v, base, letters) {
    var i = 0;
    while (Math.abs(v) >= base && i < letters.length - 1) { v /= base; i++; }
    return Number(v.toPrecision(3)) + letters[i];
  }

  function written(v, unit) {
    var size = ['', 'k', 'M', 'G', 'T'];
    switch (unit) {
      case 'percentunit': return Number((v * 100).toPrecision(4)) + '%';
      case 'bytes': return short(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
      case 'reqps': case 'ops': return short(v, 1000, size) + '/s';
      case 'd': return Number(v.toPrecision(3)) + ' days';
      case 's':
        if (v === 0) { return '0s'; }
        if (Math.abs(v) < 0.001) { return Number((v * 1e6).toPrecision(3)) + '\u00b5s'; }
        if (Math.abs(v) < 1) { return Number((v * 1000).toPrecision(3)) + 'ms'; }
        if (Math.abs(v) < 120) { return Number(v.toPrecision(3)) + 's'; }
        if (Math.abs(v) < 7200) { return Number((v / 60).toPrecision(3)) + 'm'; }
        return Number((v / 3600).toPrecision(3)) + 'h';
      default: return short(v, 1000, size);
    }
  }

  // expression fills in the gateways, and a span for rates that no step leaves out.
  function expression(expr) {
    return expr.split('$instance').join(instance).split('$keyholder').join('.*').split('$range').join(Math.max(60, 2 * step) + 's');
  }

  function ask(query, end) {
    var parameters = new URLSearchParams({ query: expression(query.expr), start: end - span, end: end, step: step });
    return fetch(prefix + '/api/v1/query_range?' + parameters).then(function (r) { return r.json(); }).then(function (answer) {
      if (answer.status !== 'success') { throw new Error(answer.error || 'Prometheus did not answer'); }
      return answer.data.result.map(function (s) {
        return {
          name: query.legend.replace(/\{\{(\w+)\}\}/g, function (all, label) { return s.metric[label] || ''; }),
          points: s.values.map(function (p) { return [p[0], Number(p[1])]; })
        };
      });
    });
  }

  // finite are the values that can be drawn.
  function finite(series) {
    return series.points.map(function (p) { return p[1]; }).filter(isFinite);
  }

  // ticks are round numbers from low to high.
  function ticks(low, high, count) {
    var raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
    var width = [1, 2, 2.5, 5, 10].map(function (m) { return m * power; }).find(function (w) { return w >= raw; });
    var out = [];
    for (var i = Math.ceil(low / width - 1e-9); i * width <= high + width * 1e-6; i++) { out.push(Number((i * width).toPrecision(12))); }
    return out;
  }

  function clock(t) {
    var d = new Date(t * 1000).toISOString();
    return span > 86400 ? d.slice(5, 10) : d.slice(11, span < 900 ? 19 : 16);
  }

  function colour(i) { return 'var(--c' + (i % 8) + ')'; }
  function dashes(i) { return ['none', '7 3', '2 3'][Math.floor(i / 8) % 3]; }

  // heights are the lowest and the highest value of the picture.
  function heights(g, shown) {
    var low = Infinity, high = -Infinity;
    shown.forEach(function (s) {
      finite(s).forEach(function (v) { low = Math.min(low, v); high = Math.max(high, v); });
    });
    if (g.min !== undefined) { low = Math.min(low, g.min); }
    if (g.max !== undefined) { high = g.max; }
    if (high <= low) { high = low + (Math.abs(low) || 1); }
    return [low, high + (g.max === undefined ? (high - low) * 0.05 : 0)];
  }

  function picture(box, g, shown, end) {
    var width = Math.max(260, box.clientWidth), height = 210, left = 58, bottom = 22, top = 8;
    var range = heights(g, shown), low = range[0], high = range[1];
    var x = function (t) { return left + (t - (end - span)) / span * (width - left - 6); };
    var y = function (v) { return top + (1 - (v - low) / (high - low)) * (height - top - bottom); };
    var svg = draw('svg', { viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': g.title + ': ' + shown.map(spoken(g)).join(', ') });
    var scale = g.unit !== 's' || high <= 120 ? 1 : high <= 7200 ? 60 : 3600; // round minutes, round hours
    ticks(low / scale, high / scale, 4).forEach(function (v) {
      draw('line', { class: 'grid', x1: left, x2: width - 6, y1: y(v * scale), y2: y(v * scale) }, svg);
      draw('text', { x: left - 6, y: y(v * scale) + 4, 'text-anchor': 'end' }, svg, scale === 1 ? written(v, g.unit) : v + (scale === 60 ? 'm' : 'h'));
    });
    var parts = width > 520 ? 4 : 2;
    for (var i = 0; i <= parts; i++) {
      var t = end - span + span * i / parts;
      draw('text', { x: x(t), y: height - 5, 'text-anchor': i === 0 ? 'start' : i === parts ? 'end' : 'middle' }, svg, clock(t));
    }
    (g.lines || []).forEach(function (l) {
      if (l.from < low || l.from > high) { return; }
      draw('line', { class: 'limit', x1: left, x2: width - 6, y1: y(l.from), y2: y(l.from), style: 'stroke: var(--' + l.color + ')' }, svg);
    });
    shown.forEach(function (s, n) { path(svg, s, n, x, y, low, high); });
    return svg;
  }

  // path draws one series, with gaps where it has no values.
  function path(svg, s, n, x, y, low, high) {
    var d = '', before = null;
    s.points.forEach(function (p) {
      if (!isFinite(p[1])) { before = null; return; }
      var v = Math.min(Math.max(p[1], low), high);
      d += (before === null || p[0] - before > 1.5 * step ? 'M' : 'L') + x(p[0]).toFixed(1) + ' ' + y(v).toFixed(1);
      before = p[0];
    });
    draw('path', { class: 'series', d: d, style: 'stroke: ' + colour(n), 'stroke-dasharray': dashes(n), 'stroke-linecap': 'round' }, svg);
  }

  function last(s) { return finite(s).pop(); }
  function spoken(g) { return function (s) { return s.name + ' ' + written(last(s), g.unit); }; }

  // legend names the series that are drawn, and counts those that stay at 0.
  function legend(g, shown, still) {
    var list = element('ul', 'legend');
    shown.forEach(function (s, n) {
      var item = element('li');
      var key = draw('svg', { viewBox: '0 0 22 10', 'aria-hidden': 'true' }, item);
      draw('line', { x1: 0, x2: 22, y1: 5, y2: 5, 'stroke-width': 3, style: 'stroke: ' + colour(n), 'stroke-dasharray': dashes(n) }, key);
      item.appendChild(element('span', '', s.name));
      item.appendChild(element('span', 'last', written(last(s), g.unit)));
      list.appendChild(item);
    });
    if (still > 0) { list.appendChild(element('li', 'last', still + ' more at 0')); }
    return list;
  }

  function show(box, g, series, end) {
    series = series.filter(function (s) { return finite(s).length > 0; });
    box.textContent = '';
    if (series.length === 0) {
      box.appendChild(element('p', 'none', g.empty ? 'Nothing to show: ' + g.empty + '.' : 'No data.'));
      return;
    }
    var moving = series.filter(function (s) { return finite(s).some(function (v) { return v !== 0; }); });
    var shown = series.length > 8 && moving.length < series.length ? moving : series;
    var still = series.length - shown.length;
    if (shown.length === 0) {
      shown = [{ name: 'all ' + still, points: series[0].points }];
      still = 0;
    }
    box.appendChild(picture(box, g, shown, end));
    box.appendChild(legend(g, shown, still));
  }

  function graph(box) {
    var g = JSON.parse(box.dataset.graph), end = Math.floor(Date.now() / 1000 / step) * step;
    return Promise.all(g.queries.map(function (q) { return ask(q, end); })).then(function (answers) {
      show(box, g, [].concat.apply([], answers), end);
    }).catch(function (err) {
      box.textContent = '';
      box.appendChild(element('p', 'none', 'Prometheus says: ' + err.message));
    });
  }

  // renew takes the numbers, bars and tables out of the page as it is now.
  function renew() {
    return fetch(location.href).then(function (r) { return r.text(); }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, 'text/html');
      document.querySelectorAll('.live').forEach(function (box) {
        var now = fresh.getElementById(box.id);
        if (now && now.innerHTML !== box.innerHTML) { box.replaceWith(document.importNode(now, true)); }
      });
    });
  }

  function all() {
    return Promise.all(Array.prototype.map.call(document.querySelectorAll('.graph'), graph)).then(function () {
      main.dataset.drawn = String(Number(main.dataset.drawn || 0) + 1);
    });
  }

  function again() {
    if (document.hidden) { return; }
    renew().then(all, all);
  }

  all();
  setInterval(again, every);
  document.addEventListener('visibilitychange', again);
  var waiting;
  addEventListener('resize', function () { clearTimeout(waiting); waiting = setTimeout(all, 200); });
})();
