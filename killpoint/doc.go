// Package killpoint lets a test hold a real process at a durable point of its work, to
// kill it exactly there, has it fail there as no known input makes it, and lets it have
// begun long ago. Binaries built without the tag killpoints, as all that are shipped
// are, have nothing of it: At and Skips are empty, Now is the time, and nothing is read
// from anywhere.
package killpoint
