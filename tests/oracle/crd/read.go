package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// document is one YAML document of a file, as JSON and as the server holds it.
type document struct {
	path   string
	json   []byte
	object map[string]any
	// err says why the document is no object; the other fields but path are then empty.
	err error
}

// gvk returns the kind the document claims to be.
func (d document) gvk() schema.GroupVersionKind {
	u := unstructured.Unstructured{Object: d.object}
	return u.GroupVersionKind()
}

// subject names the object the way every finding begins: `path: kind namespace/name`.
func (d document) subject() string {
	if d.object == nil {
		return d.path + ": document"
	}
	u := unstructured.Unstructured{Object: d.object}
	name := u.GetName()
	if u.GetNamespace() != "" {
		name = u.GetNamespace() + "/" + name
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", d.path, u.GetKind(), name))
}

// readDocuments splits a file at its document separators, as kubectl does, and reads each strictly.
func readDocuments(path string) ([]document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var documents []document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if d, found := readDocument(path, text); found {
			documents = append(documents, d)
		}
	}
}

// readDocument reads one document; a document of comments alone is not found.
func readDocument(path string, text []byte) (document, bool) {
	json, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return document{path: path, err: err}, true
	}
	if string(json) == "null" {
		return document{}, false
	}
	// The server's own reader: whole numbers become int64, all others float64.
	object := map[string]any{}
	if err := utiljson.Unmarshal(json, &object); err != nil {
		return document{path: path, err: err}, true
	}
	if kind, ok := object["kind"].(string); !ok || kind == "" {
		return document{path: path, err: errors.New("kind: Required value")}, true
	}
	return document{path: path, json: json, object: object}, true
}

// yamlFiles lists the YAML files at or below path in a stable order, leaving out hidden folders.
func yamlFiles(path string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != path && strings.HasPrefix(entry.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if name == path || isYAML(name) {
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

func isYAML(name string) bool {
	extension := filepath.Ext(name)
	return extension == ".yaml" || extension == ".yml"
}

// readTree reads every document at or below path.
func readTree(path string) ([]document, error) {
	files, err := yamlFiles(path)
	if err != nil {
		return nil, err
	}
	var documents []document
	for _, file := range files {
		read, err := readDocuments(file)
		if err != nil {
			return nil, err
		}
		if len(read) == 0 {
			read = []document{{path: file, err: errors.New("the file holds no object")}}
		}
		documents = append(documents, read...)
	}
	return documents, nil
}
