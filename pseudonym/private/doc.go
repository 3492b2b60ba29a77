// Package private reads, writes and destroys files that are their owner's alone.
//
// Guarantee: a file that others may read is refused and not read. WriteFile puts
// a file there whole or not at all, and has it on the medium when it returns.
// Shred takes the name away and then overwrites the file where it lies, so that a
// kill leaves none under its name that is overwritten in part; a file system or a
// disk that writes elsewhere instead (copy on write, flash, snapshots) keeps the
// old bytes, which nothing above it can change.
package private
