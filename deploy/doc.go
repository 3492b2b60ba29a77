// Package deploy holds the units that run each process as a user of its own, in a
// sandbox of systemd's.
package deploy
