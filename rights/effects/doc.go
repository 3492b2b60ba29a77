// Package effects does what the rights to restriction, to object, against automated
// decisions and to withdraw ask for: it writes what is in force from now on, and keeps
// from sight whoever is not to be seen (docs/rights.md has the table).
package effects
