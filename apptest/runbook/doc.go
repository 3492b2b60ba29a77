// Package runbook reads the pages of docs/runbooks for the test that runs what
// they say: each page has its five parts, and each command stands in one of them.
package runbook
