// Package doctor looks a system over: each check says what is wrong, why that
// matters and what to do about it. It names no person, and works as far as it can
// without a running system.
package doctor
