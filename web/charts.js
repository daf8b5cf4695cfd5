/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts over time, drawn by dygraphs. Each has a legend with the values of now, or of the time that is pointed at, and says
 * the same in words for who does not see it.
 */
import { make, say, show } from "./dom.js";
import * as format from "./format.js";

function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const PALETTE = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

function axisTime(milliseconds) {
	return format.clock(milliseconds / 1000);
}

/*
 * `series` are [[name, key or function of a point], …], or a function that returns them if they come and go; `write`
 * makes a text of a value.
 */
class Chart {
	constructor(group, { title, write, series, empty, fill, range, isBinary }) {
		this.group = group;
		this.write = write;
		this.series = series;
		this.range = range;
		this.isBinary = Boolean(isBinary);
		this.isFilled = Boolean(fill);
		this.element = make("figure", "chart");
		this.legend = make("ul", "legend");
		this.canvas = make("div", "plot");
		this.canvas.setAttribute("aria-hidden", "true");
		this.words = make("figcaption", "hidden");
		this.empty = make("p", "nothing", empty || "nothing yet");
		this.title = title;
		const head = make("div", "chart-head");

		head.append(make("h2", "title", title), this.legend);
		this.element.append(head, this.canvas, this.empty, this.words);
		this.names = "";
	}

	lines() {
		return typeof this.series === "function" ? this.series() : this.series;
	}

	rows(points, lines) {
		return points.map((point) => [point.time, ...lines.map(([, key]) => (typeof key === "function" ? key(point) : point[key]) ?? null)]);
	}

	draw(points) {
		const lines = this.lines();
		const rows = this.rows(points, lines);
		const isEmpty = !rows.some((row) => row.some((value, i) => i && value !== null));

		show(this.empty, isEmpty);
		this.canvas.classList.toggle("unseen", isEmpty);
		this.data = rows;
		this.label(lines);
		this.tell(this.group.pointed ?? rows.length - 1);
		this.describe(lines, rows, isEmpty);
		if (isEmpty || !this.canvas.clientWidth)
			return;
		if (this.graph && this.names === lines.map(([name]) => name).join("\n"))
			this.graph.updateOptions({ file: rows, dateWindow: this.window(rows) });
		else
			this.plot(lines, rows);
		if (this.group.pointed !== null)
			this.graph.setSelection(this.group.pointed);
	}

	/* Never less than a minute, so that the first points do not fly. */
	window(rows) {
		const last = rows[rows.length - 1][0];

		return [Math.min(rows[0][0], last - 60000), last];
	}

	plot(lines, rows) {
		/* it sets styles in a way that the page's policy forbids, even if it is never shown */
		window.Dygraph.PLUGINS = window.Dygraph.PLUGINS.filter((plugin) => plugin !== window.Dygraph.Plugins.Legend);
		if (this.graph)
			this.graph.destroy();
		this.names = lines.map(([name]) => name).join("\n");
		this.graph = new window.Dygraph(this.canvas, rows, {
			labels: ["time", ...lines.map((_, i) => "line " + i)],
			strokeWidth: 1.5,
			fillGraph: this.isFilled,
			fillAlpha: 0.14,
			includeZero: true,
			valueRange: this.range,
			connectSeparatedPoints: true,
			highlightCircleSize: 3,
			interactionModel: {},
			dateWindow: this.window(rows),
			yRangePad: 2,
			rightGap: 4,
			axes: {
				x: {
					ticker: window.Dygraph.dateTicker,
					axisLabelFormatter: axisTime,
					pixelsPerLabel: 90,
					drawGrid: false,
					axisLabelWidth: 70,
				},
				y: {
					axisLabelFormatter: (value) => this.write(value),
					labelsKMG2: this.isBinary,
					pixelsPerLabel: 32,
					axisLabelWidth: 66,
				},
			},
			highlightCallback: (event, time, points, row) => this.group.point(row),
			unhighlightCallback: () => this.group.point(null),
			...this.colours(lines.length),
		});
	}

	colours(count) {
		return {
			colors: PALETTE.slice(0, count).map(colour),
			gridLineColor: colour("--grid"),
			axisLineColor: colour("--grid"),
		};
	}

	paint() {
		if (this.graph)
			this.graph.updateOptions(this.colours(this.names.split("\n").length));
	}

	label(lines) {
		const names = lines.map(([name]) => name);

		if (this.labels && this.labels.join("\n") === names.join("\n"))
			return;
		this.labels = names;
		this.values = names.map(() => make("output", "", format.NONE));
		this.legend.replaceChildren(...names.map((name, i) => {
			const item = make("li", "line-" + (i + 1));

			item.append(make("span", "name", name), this.values[i]);
			return item;
		}));
	}

	/* Values of a row in the legend. */
	tell(row) {
		const values = this.data && this.data[row];

		this.values?.forEach((element, i) => say(element, this.write(values ? values[i + 1] : null)));
	}

	describe(lines, rows, isEmpty) {
		const last = rows[rows.length - 1];
		const parts = lines.map(([name], i) => {
			const all = rows.map((row) => row[i + 1]).filter((value) => value !== null);

			return all.length ? `${name} ${this.write(last[i + 1])}, highest ${this.write(Math.max(...all))}` : `${name}: none`;
		});

		say(this.words, isEmpty ? `${this.title}: ${this.empty.textContent}.` : `${this.title} over the last minutes. ${parts.join("; ")}.`);
	}

	select(row) {
		if (!this.graph || !this.data)
			return;
		if (row === null)
			this.graph.clearSelection();
		else
			this.graph.setSelection(row);
	}
}

/* Charts of the same points: pointing at a time in one shows it in all. */
export class Charts {
	constructor(element, list) {
		this.pointed = null;
		this.isPointing = false;
		this.charts = list.map((settings) => new Chart(this, settings));
		element.replaceChildren(...this.charts.map((chart) => chart.element));
		new ResizeObserver(() => {
			for (const chart of this.charts)
				if (chart.graph && chart.canvas.clientWidth)
					chart.graph.resize();
		}).observe(element);
	}

	draw(points) {
		this.points = points;
		for (const chart of this.charts)
			chart.draw(points);
	}

	paint() {
		for (const chart of this.charts)
			chart.paint();
	}

	point(row) {
		if (this.isPointing || row === this.pointed)
			return;
		this.isPointing = true; /* selecting in a chart tells us of it again */
		this.pointed = row;
		for (const chart of this.charts) {
			chart.select(row);
			chart.tell(row ?? (chart.data ? chart.data.length - 1 : 0));
		}
		this.isPointing = false;
	}
}

/* ---- small ones, without axes ---- */

export function sparkline(canvas, values) {
	const scale = window.devicePixelRatio || 1;
	const width = 88;
	const height = 20;
	const top = Math.max(...values);
	const context = canvas.getContext("2d");

	if (canvas.width !== width * scale) {
		canvas.width = width * scale;
		canvas.height = height * scale;
	}
	context.setTransform(scale, 0, 0, scale, 0, 0);
	context.clearRect(0, 0, width, height);
	context.beginPath();
	values.forEach((value, i) => {
		const x = (i * width) / (values.length - 1);
		const y = height - 1.5 - (top > 0 ? (value / top) * (height - 3) : 0);

		context.lineTo(x, y);
	});
	context.lineWidth = 1.25;
	context.strokeStyle = sparkline.colour ||= colour("--line-1");
	context.stroke();
}

export function forgetColours() {
	sparkline.colour = null;
}
