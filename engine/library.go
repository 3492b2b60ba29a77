package engine

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// ErrLibrary is returned when the engine's library is nowhere to be found.
var ErrLibrary = errors.New("the ClickHouse engine's library is missing: run `make engine`, or name the file libchdb.so in ZGODA_ENGINE")

// LibraryVariable names the environment variable that may hold the library's path.
const LibraryVariable = "ZGODA_ENGINE"

// Find returns the path of the engine's library. It looks at the given files or
// folders first, then where ZGODA_ENGINE says (and nowhere else when it is set),
// beside the binaries, and in node_modules of the working directory, of the
// executable's folder and of all folders above these.
func Find(extra ...string) (string, error) {
	for _, place := range extra {
		if file, ok := libraryAt(place); ok {
			return file, nil
		}
	}
	if place := os.Getenv(LibraryVariable); place != "" {
		if file, ok := libraryAt(place); ok {
			return file, nil
		}
		return "", ErrLibrary
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, start := range starts {
		if file, ok := libraryAt(start); ok {
			return file, nil
		}
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			if file, ok := libraryAt(filepath.Join(dir, "node_modules", "@chdb", packageName())); ok {
				return file, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", ErrLibrary
}

// libraryAt accepts the library itself or the folder that holds it.
func libraryAt(place string) (string, bool) {
	if place == "" {
		return "", false
	}
	for _, file := range []string{place, filepath.Join(place, "libchdb.so")} {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() { //nolint:gosec // where the operator says
			if abs, err := filepath.Abs(file); err == nil {
				return abs, true
			}
		}
	}
	return "", false
}

// packageName is the npm package that carries the library for this platform.
func packageName() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	if runtime.GOOS == "linux" {
		return "lib-linux-" + arch + "-gnu"
	}
	return "lib-" + runtime.GOOS + "-" + arch
}
