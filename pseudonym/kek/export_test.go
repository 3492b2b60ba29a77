package kek

// Cheap makes the passphrase of a configuration cheap to guess, for tests that
// open it often.
func Cheap(c Config) Config {
	c.cost = cost{time: 1, memory: 8 << 10, threads: 1}
	return c
}
