// Package telemetry is what operators see: the fates of events (I5), the
// listener with /metrics, /healthz and /readyz, and a structured log that
// cannot carry personal data.
package telemetry
