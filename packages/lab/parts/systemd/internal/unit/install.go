package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const installDir = "/etc/systemd/system"

// Enable makes the links that a unit's [Install] section asks for and says what it did, one line each, as systemctl
// does. Units named by Also= are enabled too.
func (l *Loader) Enable(name string) ([]string, error) {
	return l.install(name, map[string]bool{}, func(link, target string) (string, error) {
		existing, err := os.Readlink(filepath.Join(l.Root, link))
		if err == nil && l.follow(link) == target {
			return "", nil
		}
		if err == nil {
			return "", fmt.Errorf("Failed to enable unit: File '%s' already exists and is a symlink to %s", link, existing)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(l.Root, link)), 0o755); err != nil {
			return "", err
		}
		if err := os.Symlink(target, filepath.Join(l.Root, link)); err != nil {
			return "", fmt.Errorf("Failed to enable unit: %w", err)
		}
		return fmt.Sprintf("Created symlink %s → %s.", link, target), nil
	})
}

// Disable takes away every link to the unit below /etc/systemd/system.
func (l *Loader) Disable(name string) ([]string, error) {
	u := l.Load(name)
	if u.Load == NotFound {
		return nil, fmt.Errorf("Failed to disable unit: Unit file %s does not exist.", name)
	}
	names := []string{u.Name}
	for _, also := range u.Words("Install", "Also") {
		names = append(names, also)
	}
	var did []string
	for _, name := range names {
		links, err := l.linksTo(name)
		if err != nil {
			return did, err
		}
		for _, link := range links {
			if err := os.Remove(filepath.Join(l.Root, link)); err != nil {
				return did, fmt.Errorf("Failed to disable unit: %w", err)
			}
			did = append(did, fmt.Sprintf("Removed \"%s\".", link))
		}
	}
	return did, nil
}

func (l *Loader) install(name string, seen map[string]bool, link func(link, target string) (string, error)) ([]string, error) {
	if seen[name] {
		return nil, nil
	}
	seen[name] = true
	u := l.Load(name)
	switch u.Load {
	case NotFound:
		return nil, fmt.Errorf("Failed to enable unit: Unit file %s does not exist.", name)
	case Masked:
		return nil, fmt.Errorf("Failed to enable unit: Unit file %s is masked.", u.Path)
	}
	instance := u.Name
	if IsTemplate(instance) {
		byDefault := u.Last("Install", "DefaultInstance")
		if byDefault == "" {
			return nil, fmt.Errorf("Failed to enable unit: %s is a template: name an instance, as in %s", name,
				strings.Replace(name, "@.", "@INSTANCE.", 1))
		}
		instance = strings.Replace(instance, "@.", "@"+byDefault+".", 1)
	}
	var links []string
	for _, alias := range u.Words("Install", "Alias") {
		links = append(links, filepath.Join(installDir, alias))
	}
	for key, suffix := range map[string]string{"WantedBy": ".wants", "RequiredBy": ".requires"} {
		for _, target := range u.Words("Install", key) {
			links = append(links, filepath.Join(installDir, target+suffix, instance))
		}
	}
	if len(links) == 0 && len(u.Words("Install", "Also")) == 0 {
		return nil, errNotInstallable
	}
	var did []string
	for _, path := range links {
		line, err := link(path, u.Path)
		if err != nil {
			return did, err
		}
		if line != "" {
			did = append(did, line)
		}
	}
	for _, also := range u.Words("Install", "Also") {
		more, err := l.install(also, seen, link)
		if err != nil && !errors.Is(err, errNotInstallable) {
			return did, err
		}
		did = append(did, more...)
	}
	return did, nil
}

var errNotInstallable = errors.New(`The unit files have no installation config (WantedBy=, RequiredBy=, Also=, Alias=
settings in the [Install] section, and DefaultInstance= for template units).
This means they are not meant to be enabled using systemctl.`)

// IsNotInstallable tells the error of a unit without [Install] from others: systemctl prints it and succeeds.
func IsNotInstallable(err error) bool { return errors.Is(err, errNotInstallable) }

// linksTo finds the links below /etc/systemd/system that lead to a unit, aliases included, not the file itself.
func (l *Loader) linksTo(name string) ([]string, error) {
	var links []string
	root := filepath.Join(l.Root, installDir)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		link := strings.TrimPrefix(path, l.Root)
		target := l.follow(link)
		inFolder := strings.HasSuffix(filepath.Dir(link), ".wants") || strings.HasSuffix(filepath.Dir(link), ".requires")
		if target == "/dev/null" || !inFolder && entry.Name() == name {
			return nil // a mask, or a unit file that is itself a link from elsewhere
		}
		template, _ := splitInstance(name)
		if entry.Name() == name || filepath.Base(target) == name && !inFolder ||
			inFolder && filepath.Base(target) == name && template == "" && !IsTemplate(name) {
			links = append(links, link)
		}
		return nil
	})
	return links, err
}

// FileState is what `systemctl is-enabled` says of a unit file: enabled, disabled, static, masked, alias, indirect or
// "" if there is none.
func (l *Loader) FileState(name string) string {
	path, target := l.find(name)
	if path == "" {
		if template, _ := splitInstance(name); template != "" {
			path, target = l.find(template)
		}
	}
	switch {
	case path == "":
		return ""
	case target == "/dev/null":
		return "masked"
	}
	u := l.Load(name)
	if filepath.Base(target) != name && filepath.Base(target) == u.Name {
		return "alias"
	}
	links, err := l.linksTo(u.Name)
	if err == nil && len(links) > 0 {
		return "enabled"
	}
	if len(u.Words("Install", "WantedBy"))+len(u.Words("Install", "RequiredBy"))+len(u.Words("Install", "Alias")) > 0 {
		return "disabled"
	}
	if len(u.Words("Install", "Also")) > 0 {
		return "indirect"
	}
	return "static"
}

// Mask points a unit's name in /etc/systemd/system at /dev/null, so that nothing can start it.
func (l *Loader) Mask(name string) (string, error) {
	link := filepath.Join(installDir, name)
	path := filepath.Join(l.Root, link)
	if target, err := os.Readlink(path); err == nil {
		if target == "/dev/null" {
			return "", nil
		}
		if err := os.Remove(path); err != nil { // an alias gives way, a file doesn't
			return "", err
		}
	}
	if err := os.Symlink("/dev/null", path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("Failed to mask unit: File %s already exists.", link)
		}
		return "", fmt.Errorf("Failed to mask unit: %w", err)
	}
	return fmt.Sprintf("Created symlink %s → /dev/null.", link), nil
}

// Unmask takes a mask away.
func (l *Loader) Unmask(name string) (string, error) {
	link := filepath.Join(installDir, name)
	path := filepath.Join(l.Root, link)
	if target, err := os.Readlink(path); err != nil || target != "/dev/null" {
		return "", nil
	}
	if err := os.Remove(path); err != nil {
		return "", fmt.Errorf("Failed to unmask unit: %w", err)
	}
	return fmt.Sprintf("Removed \"%s\".", link), nil
}
