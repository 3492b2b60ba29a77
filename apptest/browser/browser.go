package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// Deadline bounds every single step in a browser.
const Deadline = 30 * time.Second

// Browser is one Chromium with one tab.
type Browser struct {
	tb  testing.TB
	run func(f func(ctx context.Context) error) error

	mu       sync.Mutex
	requests []Request
}

// Request is a request that the page made.
type Request struct {
	Method, URL, Body string
}

// Path returns the path of the Chromium that Debian installs, or of another.
func Path() (string, error) {
	for _, name := range []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium is installed (apt-get install chromium)")
}

// Start starts a browser that ends with the test.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	path, err := Path()
	if err != nil {
		tb.Fatal(err)
	}
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(tb.TempDir()), chromedp.WindowSize(1280, 900),
	}
	for _, name := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "disable-default-apps", "disable-extensions",
	} {
		flags = append(flags, chromedp.Flag(name, true))
	}
	outer, stop := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()), flags...)
	ctx, cancel := chromedp.NewContext(outer)
	tb.Cleanup(func() {
		limited, done := context.WithTimeout(ctx, Deadline)
		_ = chromedp.Cancel(limited) // graceful: the profile must not be written to any more
		done()
		cancel()
		stop()
	})
	b := &Browser{tb: tb}
	b.run = func(f func(ctx context.Context) error) error {
		limited, done := context.WithTimeout(ctx, Deadline)
		defer done()
		return f(limited)
	}
	// The first step starts the browser, and must not be bound to a step's deadline.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		tb.Fatalf("start Chromium: %v", err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		tb.Fatalf("listen to Chromium: %v", err)
	}
	b.command(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	})
	return b
}

func (b *Browser) hear(ev any) {
	sent, ok := ev.(*network.EventRequestWillBeSent)
	if !ok {
		return
	}
	r := Request{Method: sent.Request.Method, URL: sent.Request.URL}
	for _, part := range sent.Request.PostDataEntries {
		r.Body += string(part.Bytes)
	}
	b.mu.Lock()
	b.requests = append(b.requests, r)
	b.mu.Unlock()
}

// Requests returns every request that the pages made so far.
func (b *Browser) Requests() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Request(nil), b.requests...)
}

// Do runs actions in the tab and fails the test if one fails.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.tb.Helper()
	if err := b.run(func(ctx context.Context) error { return chromedp.Do(ctx, actions...) }); err != nil {
		b.tb.Fatalf("in the browser: %v", err)
	}
}

func (b *Browser) command(f func(ctx context.Context, t *chromedp.Target) error) {
	b.tb.Helper()
	b.Do(chromedp.Func(f))
}

// Open goes to an address and waits until it is loaded.
func (b *Browser) Open(url string) {
	b.tb.Helper()
	b.Do(chromedp.Navigate(url))
}

// Click clicks the element that a CSS selector finds, once it is visible.
func (b *Browser) Click(selector string) {
	b.tb.Helper()
	b.Do(chromedp.WaitVisible(selector), chromedp.Click(selector))
}

// Eval returns the value of an expression; a promise is awaited.
func Eval[T any](b *Browser, expression string) T {
	b.tb.Helper()
	var value T
	err := b.run(func(ctx context.Context) error {
		var err error
		value, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		return err
	})
	if err != nil {
		b.tb.Fatalf("evaluate %s: %v", expression, err)
	}
	return value
}

// Wait polls until the expression is true.
func (b *Browser) Wait(expression string) {
	b.tb.Helper()
	err := b.run(func(ctx context.Context) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(Deadline)))
		return err
	})
	if err != nil {
		b.tb.Fatalf("wait for %s: %v", expression, err)
	}
}

// Text returns the text of the first element that a CSS selector finds.
func (b *Browser) Text(selector string) string {
	b.tb.Helper()
	return Eval[string](b, fmt.Sprintf("(document.querySelector(%q) || {textContent: ''}).textContent.trim()", selector))
}

// Cookies returns every cookie that the browser holds, of whatever host.
func (b *Browser) Cookies() []*network.Cookie {
	b.tb.Helper()
	var cookies []*network.Cookie
	b.command(func(ctx context.Context, t *chromedp.Target) error {
		r, err := cdp.Call(ctx, t, storage.GetCookies, storage.GetCookiesParams{})
		cookies = r.Cookies
		return err
	})
	return cookies
}

// Stored returns how many things the page has stored in the browser besides
// cookies: local and session storage, databases and caches.
func (b *Browser) Stored() int {
	b.tb.Helper()
	return Eval[int](b, `(async () => localStorage.length + sessionStorage.length +
		(await indexedDB.databases()).length + (await caches.keys()).length)()`)
}

// GPC makes the browser send Global Privacy Control from the next page on, as
// browsers that have the setting do: the header and the property.
func (b *Browser) GPC() {
	b.tb.Helper()
	b.command(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Sec-GPC": "1"}})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true, configurable: true})",
		})
		return err
	})
}

// Look makes the window so wide and high, in the light or the dark scheme.
func (b *Browser) Look(width, height int64, dark bool) {
	b.tb.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	options := []chromedp.EmulateViewportOption{}
	if width < 600 {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.Do(chromedp.EmulateViewport(width, height, options...))
	b.command(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// Screenshot writes what is to be seen into a PNG file.
func (b *Browser) Screenshot(path string) {
	b.tb.Helper()
	err := b.run(func(ctx context.Context) error {
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Clean(path), png, 0o600)
	})
	if err != nil {
		b.tb.Fatalf("take a picture: %v", err)
	}
}
