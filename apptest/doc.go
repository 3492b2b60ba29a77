// Package apptest tries the product as its users and its attackers meet it:
// real binaries, the real engine, a real browser, real SDKs, and kill -9.
package apptest
