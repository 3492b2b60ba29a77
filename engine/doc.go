// Package engine finds the embedded ClickHouse engine, prepares its folder and
// its users, and makes the command that runs it.
//
// The passwords are random, new at every Prepare and never leave memory: the
// users file holds their SHA-256 hashes, and the launcher is handed the one it
// needs through an inherited pipe. The engine listens on loopback only.
package engine
