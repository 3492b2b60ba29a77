// Package cookie seals and opens the two first-party cookies: the visitor's
// random id, and the choices made in the dialogue.
//
// Several sites may share a host, and so a cookie. Its value is then a list of
// what was sealed for each of them, the last first, with dots between. Setting
// one site's part (With, Without) leaves the others' as they are.
//
// What opens was sealed by this system for the same cookie name and the same
// site, and not longer than MaxAgeMonths ago. Anything else opens as nothing. A
// Jar without a proper key seals and opens nothing.
package cookie
