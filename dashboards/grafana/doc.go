// Package grafana writes the dashboards as Grafana's JSON, by Grafana's own
// foundation SDK: one file each, that an operator imports or provisions.
//
// Panels have the same ids, places and names each time, so that links to them
// last and a change of a dashboard reads as one.
package grafana
