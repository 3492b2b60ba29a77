// Package collector holds one event's life in order: decode, validate, decide
// whose it is, minimise, read the signals, load the cached consent set, decide,
// make the record, put it into the spool, wait for the disk, answer.
//
// It guarantees that
//   - an answer of success means that every event that was neither refused nor
//     dropped for consent is on disk;
//   - every event meets exactly one fate, with a reason from a closed set;
//   - with a public key nothing that claims a contact reaches the blinder or the
//     consent set without a proof, so that neither answers nor times tell a
//     stranger whether a contact exists;
//   - no answer, error or metric repeats anything that a client sent.
package collector
