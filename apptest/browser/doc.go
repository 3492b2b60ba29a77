// Package browser drives a headless Chromium for tests.
//
// Every browser has a new empty profile and ends, with all its processes,
// before the test that started it does. Nothing waits by sleeping: Wait polls
// with a deadline.
package browser
