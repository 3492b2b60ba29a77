// Package launch is the inside of zgoda-clickhouse: it loads the engine's
// library, runs it on one locked thread, ends it when the parent ends, and says
// in words why it cannot run.
package launch
