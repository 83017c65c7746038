package unit

import (
	"os"
	"path/filepath"
	"strings"
)

// UnmetCondition gives the first Condition…= that isn't met, as `ConditionPathExists=!/etc/x`, or "".
// assert does the same for Assert…=. Conditions of kinds that can't be judged here count as met.
func (u *Unit) UnmetCondition() string { return u.unmet("Condition") }

// UnmetAssertion is UnmetCondition for Assert…=.
func (u *Unit) UnmetAssertion() string { return u.unmet("Assert") }

func (u *Unit) unmet(prefix string) string {
	var conditions []Entry
	for _, entry := range u.entries {
		if entry.Section != "Unit" || !strings.HasPrefix(entry.Key, prefix) {
			continue
		}
		if entry.Value == "" {
			conditions = nil
			continue
		}
		conditions = append(conditions, entry)
	}
	anyTrigger, anyTriggerMet, firstTrigger := false, false, ""
	for _, entry := range conditions {
		value, trigger := strings.CutPrefix(entry.Value, "|")
		value, negated := strings.CutPrefix(value, "!")
		path, err := u.Expand(value, "", "")
		if err != nil {
			continue
		}
		holds, judged := judge(strings.TrimPrefix(entry.Key, prefix), path)
		if !judged {
			continue
		}
		met := holds != negated
		text := entry.Key + "=" + entry.Value
		if trigger {
			anyTrigger = true
			anyTriggerMet = anyTriggerMet || met
			firstTrigger = cmpOr(firstTrigger, text)
		} else if !met {
			return text
		}
	}
	if anyTrigger && !anyTriggerMet {
		return firstTrigger
	}
	return ""
}

func judge(kind, path string) (holds, judged bool) {
	info, err := os.Stat(path)
	switch kind {
	case "PathExists":
		return err == nil, true
	case "PathExistsGlob":
		matches, _ := filepath.Glob(path)
		return len(matches) > 0, true
	case "PathIsDirectory":
		return err == nil && info.IsDir(), true
	case "PathIsSymbolicLink":
		link, err := os.Lstat(path)
		return err == nil && link.Mode()&os.ModeSymlink != 0, true
	case "FileNotEmpty":
		return err == nil && info.Mode().IsRegular() && info.Size() > 0, true
	case "FileIsExecutable":
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0, true
	case "DirectoryNotEmpty":
		entries, err := os.ReadDir(path)
		return err == nil && len(entries) > 0, true
	}
	return false, false
}
