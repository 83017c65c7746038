package unit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// SearchPath is where unit files are looked for; the first hit wins.
var SearchPath = []string{
	"/etc/systemd/system",
	"/run/systemd/system",
	"/usr/local/lib/systemd/system",
	"/lib/systemd/system",
	"/usr/lib/systemd/system",
}

// LoadState is whether a unit could be read.
type LoadState string

const (
	Loaded     LoadState = "loaded"
	NotFound   LoadState = "not-found"
	Masked     LoadState = "masked"
	BadSetting LoadState = "bad-setting"
)

// Unit is one unit with all its drop-ins, still as text.
type Unit struct {
	// Name is the name that it goes by: for an alias, the name of the file that the alias points to.
	Name     string
	Load     LoadState
	Error    string
	Path     string
	DropIns  []string
	Problems []Problem

	entries []Entry
	machine Machine
	read    time.Time
	// from X.wants/ and X.requires/ folders
	linkedWants, linkedRequires []string
}

// Loader reads units below Root ("" on a running machine).
type Loader struct {
	Root    string
	Machine Machine
}

// Load reads a unit by name. It always returns a unit; what is wrong with it is in Load and Error.
func (l *Loader) Load(name string) *Unit {
	u := &Unit{Name: name, Load: NotFound, Error: "Unit " + name + " not found.", machine: l.Machine, read: time.Now()}
	template, _ := splitInstance(name)
	path, target := l.find(name)
	if path == "" && template != "" {
		path, target = l.find(template)
	}
	switch {
	case path == "":
	case target == "/dev/null":
		u.Load, u.Path, u.Error = Masked, path, "Unit "+name+" is masked."
		return u
	default:
		if real := filepath.Base(target); real != name && real != template {
			return l.Load(l.instantiate(real, name)) // an alias
		}
		u.Path = target
		l.read(u, target)
	}
	for _, dropIn := range l.dropIns(name, template) {
		u.DropIns = append(u.DropIns, dropIn)
		l.read(u, dropIn)
	}
	if u.Path != "" && u.Load == NotFound {
		u.Load, u.Error = Loaded, ""
	}
	u.linkedWants = l.links(name, template, ".wants")
	u.linkedRequires = l.links(name, template, ".requires")
	return u
}

// An alias foo@.service -> real@.service asked for as foo@x.service means real@x.service.
func (l *Loader) instantiate(real, asked string) string {
	if _, instance := splitInstance(asked); instance != "" && IsTemplate(real) {
		return strings.Replace(real, "@.", "@"+instance+".", 1)
	}
	return real
}

// find gives the path of a unit's file, and where it leads if it is a link (both without the root).
func (l *Loader) find(name string) (path, target string) {
	for _, dir := range SearchPath {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(filepath.Join(l.Root, path))
		if err != nil {
			continue
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if info.Size() == 0 && dir == SearchPath[0] {
				return path, "/dev/null" // an empty file masks, too
			}
			return path, path
		}
		return path, l.follow(path)
	}
	return "", ""
}

func (l *Loader) follow(path string) string {
	for range 16 {
		next, err := os.Readlink(filepath.Join(l.Root, path))
		if err != nil {
			return path
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return path
}

func (l *Loader) read(u *Unit, path string) {
	file, err := os.Open(filepath.Join(l.Root, path))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && path == u.Path {
			u.Path = "" // a dangling link
			return
		}
		u.Load, u.Error = BadSetting, err.Error()
		return
	}
	defer file.Close()
	entries, problems, err := Parse(file, path)
	if err != nil {
		u.Load, u.Error = BadSetting, err.Error()
		return
	}
	u.entries = append(u.entries, entries...)
	u.Problems = append(u.Problems, problems...)
}

// dropIns lists the *.conf files for a unit: sorted by file name, and of two with one name the one found first.
func (l *Loader) dropIns(name, template string) []string {
	folders := []string{name + ".d"}
	if template != "" {
		folders = append(folders, template+".d")
	}
	folders = append(folders, TypeOf(name)+".d")
	byName := map[string]string{}
	for _, folder := range folders {
		for _, dir := range SearchPath {
			matches, _ := filepath.Glob(filepath.Join(l.Root, dir, folder, "*.conf"))
			for _, match := range matches {
				base := filepath.Base(match)
				if _, taken := byName[base]; !taken {
					byName[base] = filepath.Join(dir, folder, base)
				}
			}
		}
	}
	var paths []string
	for _, base := range sortedKeys(byName) {
		if l.follow(byName[base]) != "/dev/null" {
			paths = append(paths, byName[base])
		}
	}
	return paths
}

func (l *Loader) links(name, template, suffix string) []string {
	names := map[string]string{}
	for _, dir := range SearchPath {
		for _, owner := range []string{name, template} {
			if owner == "" {
				continue
			}
			entries, _ := os.ReadDir(filepath.Join(l.Root, dir, owner+suffix))
			for _, entry := range entries {
				names[entry.Name()] = ""
			}
		}
	}
	return sortedKeys(names)
}

// Names lists every unit file found, by name.
func (l *Loader) Names() []string {
	names := map[string]string{}
	for _, dir := range SearchPath {
		entries, _ := os.ReadDir(filepath.Join(l.Root, dir))
		for _, entry := range entries {
			if !entry.IsDir() && knownTypes[TypeOf(entry.Name())] {
				names[entry.Name()] = ""
			}
		}
	}
	return sortedKeys(names)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Last gives the last assignment of a key, expanded for root.
func (u *Unit) Last(section, key string) string {
	value := ""
	for _, entry := range u.entries {
		if entry.Section == section && entry.Key == key {
			value = entry.Value
		}
	}
	if expanded, err := u.Expand(value, "", ""); err == nil {
		return expanded
	}
	return value
}

// Words gives the words of all assignments of a key; an empty assignment drops those before it.
func (u *Unit) Words(section, key string) []string {
	var words []string
	for _, entry := range u.entries {
		if entry.Section != section || entry.Key != key {
			continue
		}
		if entry.Value == "" {
			words = nil
			continue
		}
		value, err := u.Expand(entry.Value, "", "")
		if err != nil {
			continue
		}
		split, err := SplitWords(value)
		if err != nil {
			continue
		}
		words = append(words, split...)
	}
	return words
}

// Flag reads a yes/no setting; what can't be read counts as the default.
func (u *Unit) Flag(section, key string, byDefault bool) bool {
	if value, err := ParseBool(u.Last(section, key)); err == nil {
		return value
	}
	return byDefault
}

// Description is what the unit calls itself.
func (u *Unit) Description() string {
	if text := u.Last("Unit", "Description"); text != "" {
		return text
	}
	return u.Name
}

// Changed says whether one of the unit's files is younger than what was read of it, or has come or gone.
func (u *Unit) Changed(l *Loader) bool {
	if u.Load == NotFound {
		return false
	}
	current := l.Load(u.Name)
	if current.Path != u.Path || !slices.Equal(current.DropIns, u.DropIns) {
		return true
	}
	for _, path := range append([]string{u.Path}, u.DropIns...) {
		info, err := os.Stat(filepath.Join(l.Root, path))
		if err == nil && info.ModTime().After(u.read) {
			return true
		}
	}
	return false
}
