// Package spectest is a controller as the text of the OpenDSR specification describes
// one, for tests: it knows nothing of how the processor is made, and shares no type
// with it.
package spectest
