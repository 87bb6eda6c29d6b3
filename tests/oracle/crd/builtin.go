package main

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/admissionregistration"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	admissionvalidation "k8s.io/kubernetes/pkg/apis/admissionregistration/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
)

// builtIn is a kind whose rules are Go code in the server.
type builtIn struct {
	resource   string
	namespaced bool
	// internal is the server's own form of the kind, which validate takes.
	internal func() runtime.Object
	validate func(runtime.Object) field.ErrorList
}

var builtIns = map[schema.GroupVersionKind]builtIn{
	networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"): {
		resource: "networkpolicies", namespaced: true,
		internal: func() runtime.Object { return &networking.NetworkPolicy{} },
		validate: func(o runtime.Object) field.ErrorList {
			policy := o.(*networking.NetworkPolicy)
			return networkingvalidation.ValidateNetworkPolicy(policy, networkingvalidation.ValidationOptionsForNetworking(policy, nil))
		},
	},
	admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicy"): {
		resource: "validatingadmissionpolicies",
		internal: func() runtime.Object { return &admissionregistration.ValidatingAdmissionPolicy{} },
		validate: func(o runtime.Object) field.ErrorList {
			return admissionvalidation.ValidateValidatingAdmissionPolicy(o.(*admissionregistration.ValidatingAdmissionPolicy))
		},
	},
	admissionv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicyBinding"): {
		resource: "validatingadmissionpolicybindings",
		internal: func() runtime.Object { return &admissionregistration.ValidatingAdmissionPolicyBinding{} },
		validate: func(o runtime.Object) field.ErrorList {
			return admissionvalidation.ValidateValidatingAdmissionPolicyBinding(o.(*admissionregistration.ValidatingAdmissionPolicyBinding))
		},
	},
	corev1.SchemeGroupVersion.WithKind("Secret"): {
		resource: "secrets", namespaced: true,
		internal: func() runtime.Object { return &core.Secret{} },
		validate: func(o runtime.Object) field.ErrorList { return corevalidation.ValidateSecret(o.(*core.Secret)) },
	},
	corev1.SchemeGroupVersion.WithKind("ConfigMap"): {
		resource: "configmaps", namespaced: true,
		internal: func() runtime.Object { return &core.ConfigMap{} },
		validate: func(o runtime.Object) field.ErrorList { return corevalidation.ValidateConfigMap(o.(*core.ConfigMap)) },
	},
	corev1.SchemeGroupVersion.WithKind("Namespace"): {
		resource: "namespaces",
		internal: func() runtime.Object { return &core.Namespace{} },
		validate: func(o runtime.Object) field.ErrorList { return corevalidation.ValidateNamespace(o.(*core.Namespace)) },
	},
	corev1.SchemeGroupVersion.WithKind("ServiceAccount"): {
		resource: "serviceaccounts", namespaced: true,
		internal: func() runtime.Object { return &core.ServiceAccount{} },
		validate: func(o runtime.Object) field.ErrorList {
			return corevalidation.ValidateServiceAccount(o.(*core.ServiceAccount))
		},
	},
}

func (b builtIn) scope() meta.RESTScope {
	if b.namespaced {
		return meta.RESTScopeNamespace
	}
	return meta.RESTScopeRoot
}

// check decodes strictly, fills in defaults, and runs the server's hand-written and its declared validation.
func (b builtIn) check(d document, kinds *kinds) []string {
	versioned, err := decodeBuiltIn(d)
	if err != nil {
		return []string{err.Error()}
	}
	scheme := legacyscheme.Scheme
	internal := b.internal()
	if err := scheme.Convert(versioned, internal, nil); err != nil {
		return []string{err.Error()}
	}
	errs := b.validate(internal)
	errs = append(errs, scheme.Validate(context.Background(), nil, versioned)...)

	var problems []string
	seen := map[string]bool{}
	for _, e := range errs {
		if text := e.Error(); !seen[text] {
			seen[text] = true
			problems = append(problems, text)
		}
	}
	if policy, ok := versioned.(*admissionv1.ValidatingAdmissionPolicy); ok && len(problems) == 0 {
		problems = append(problems, kinds.typeCheck(policy)...)
	}
	return problems
}

// decodeBuiltIn reads a built-in kind with its defaults filled in; unknown fields are an error.
func decodeBuiltIn(d document) (runtime.Object, error) {
	scheme := legacyscheme.Scheme
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Strict: true})
	object, _, err := decoder.Decode(d.json, nil, nil)
	if err != nil {
		return nil, err
	}
	scheme.Default(object)
	return object, nil
}
