// Package decoded keeps consent strings decoded: TC strings and GPP strings come
// with every request of a visitor, and as many visitors chose alike on the same
// day they repeat from one to the next.
//
// What is kept does not depend on a site or on the time: the text, where its
// parts are, and the answer for the vendor that was asked for first. A hit
// allocates nothing and compares the whole text, so that no string can be
// answered by another's. Only strings that can be read are kept, at most
// Config.Bytes of them, and those asked for often stay when new ones pour in.
// A string that cannot be read costs its parsing each time and changes nothing.
//
// Nobody's name is on an entry, and nothing is written anywhere: a restart
// forgets all.
package decoded
