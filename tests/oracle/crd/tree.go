package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const kustomizationFile = "kustomization.yaml"

var kustomizationKind = schema.GroupVersionKind{Group: "kustomize.config.k8s.io", Version: "v1beta1", Kind: "Kustomization"}

// tree is what one cluster is given.
type tree struct {
	root string
	// synced says that a GitOps controller starts here, so the root must list what is to be applied.
	synced bool
}

// clusterTrees finds the trees at path: one for each cluster of an output tree, otherwise path itself.
func clusterTrees(path string) ([]tree, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(path, "clusters"))
	if err != nil {
		return []tree{{root: path}}, nil
	}
	var trees []tree
	for _, entry := range entries {
		if entry.IsDir() {
			trees = append(trees, tree{root: filepath.Join(path, "clusters", entry.Name()), synced: true})
		}
	}
	return trees, nil
}

// checkTree validates every object of a tree, and that no two of its files hold the same object.
func checkTree(t tree, kinds *kinds, report *report) error {
	documents, err := readTree(t.root)
	if err != nil {
		return err
	}
	if t.synced && !isFile(filepath.Join(t.root, kustomizationFile)) {
		report.object(t.root+": Kustomization", []string{"there is no " + kustomizationFile})
	}
	first := map[string]string{}
	for _, d := range documents {
		if d.err != nil {
			report.object(d.subject(), []string{d.err.Error()})
			continue
		}
		if d.gvk() == kustomizationKind {
			report.object(d.subject(), checkKustomization(d))
			continue
		}
		problems := kinds.check(d)
		identity := identity(d)
		if path, found := first[identity]; found {
			problems = append(problems, "metadata.name: Duplicate value: the same object is in "+path)
		} else {
			first[identity] = d.path
		}
		report.object(d.subject(), problems)
	}
	return nil
}

// identity tells objects apart the way the cluster does: the version an object is written in is not part of it.
func identity(d document) string {
	u := unstructured.Unstructured{Object: d.object}
	return fmt.Sprintf("%s %s/%s", d.gvk().GroupKind(), u.GetNamespace(), u.GetName())
}

// checkKustomization returns where a kustomization differs from an exact, sorted list of what lies beside it.
func checkKustomization(d document) []string {
	var problems []string
	for _, key := range sortedKeys(d.object) {
		switch key {
		case "apiVersion", "kind", "resources":
		default:
			problems = append(problems, key+": Forbidden: only resources may be set")
		}
	}
	if filepath.Base(d.path) != kustomizationFile {
		problems = append(problems, "the file is not named "+kustomizationFile)
	}
	var listed []string
	resources, ok := d.object["resources"].([]any)
	if !ok {
		return append(problems, "resources: Required value")
	}
	for i, resource := range resources {
		name, ok := resource.(string)
		if !ok {
			problems = append(problems, fmt.Sprintf("resources[%d]: Invalid value: not a string", i))
			continue
		}
		listed = append(listed, name)
	}
	present, err := resourcesBeside(filepath.Dir(d.path), "")
	if err != nil {
		return append(problems, err.Error())
	}
	sort.Strings(present)
	for _, name := range listed {
		if !slices.Contains(present, name) {
			problems = append(problems, fmt.Sprintf("resources: Invalid value: %q: there is no such file or kustomized folder here", name))
		}
	}
	for _, name := range present {
		if !slices.Contains(listed, name) {
			problems = append(problems, fmt.Sprintf("resources: Required value: %q is here but not listed, so it is never applied", name))
		}
	}
	if !sort.StringsAreSorted(listed) {
		problems = append(problems, "resources: Invalid value: the list is not sorted")
	}
	if len(slices.Compact(slices.Sorted(slices.Values(listed)))) != len(listed) {
		problems = append(problems, "resources: Invalid value: an entry is listed twice")
	}
	return problems
}

// resourcesBeside lists what a kustomization in folder has to name: its YAML files, its folders that have a kustomization
// of their own, and the files of the folders that have none.
func resourcesBeside(folder, prefix string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(folder, name)
		switch {
		case entry.IsDir() && name[0] == '.':
		case entry.IsDir() && isFile(filepath.Join(path, kustomizationFile)):
			names = append(names, prefix+name)
		case entry.IsDir():
			inner, err := resourcesBeside(path, prefix+name+"/")
			if err != nil {
				return nil, err
			}
			names = append(names, inner...)
		case isYAML(name) && name != kustomizationFile:
			names = append(names, prefix+name)
		}
	}
	return names, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
