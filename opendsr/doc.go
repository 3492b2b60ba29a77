// Package opendsr serves OpenDSR 2.0 as a processor: other systems hand over
// requests of data subjects, ask how far they are, and are called back.
//
// Every answer and every callback is signed with the key of a certificate that any
// party can fetch. Nothing of an identity is kept: it goes to the keyholder, by way of
// the room rights, and back to the sender in the answer, as the specification wants
// it. What the specification leaves out or contradicts is dealt with as docs/opendsr.md
// says.
package opendsr
