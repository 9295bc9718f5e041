// Writes grafana.schema.json, JSON Schemas made from Grafana's own TypeScript types: `npm ci && node write.mjs`, when @grafana/schema changes.
import { writeFileSync } from "node:fs";
import { createGenerator } from "ts-json-schema-generator";

const types = "node_modules/@grafana/schema/dist/esm/raw/";
const panel = (name, file) => `${types}composable/${name}/panelcfg/x/${file}PanelCfg_types.gen.d.ts`;
const wanted = {
  dashboard: [`${types}dashboard/x/dashboard_types.gen.d.ts`, "Dashboard"],
  "stat.options": [panel("stat", "Stat"), "Options"],
  "state-timeline.options": [panel("statetimeline", "StateTimeline"), "Options"],
  "state-timeline.field": [panel("statetimeline", "StateTimeline"), "FieldConfig"],
  "table.options": [panel("table", "Table"), "Options"],
  "table.field": [panel("table", "Table"), "FieldConfig"],
  "timeseries.options": [panel("timeseries", "TimeSeries"), "Options"],
  "timeseries.field": [panel("timeseries", "TimeSeries"), "FieldConfig"],
};
const made = {};
for (const [name, [path, type]] of Object.entries(wanted)) {
  made[name] = createGenerator({ path, type, jsDoc: "none", skipTypeCheck: true, encodeRefs: true }).createSchema(type);
}
writeFileSync("grafana.schema.json", `${JSON.stringify(made)}\n`);
