//! The four levels of the tree.

/// A level of the tree, from the root down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The root.
    Organization,
    /// Below the organization.
    Tenant,
    /// Below a tenant.
    Workspace,
    /// Below a workspace or another group.
    Group,
}

impl Level {
    /// Every level, from the root down.
    pub const ALL: [Self; 4] = [Self::Organization, Self::Tenant, Self::Workspace, Self::Group];

    /// Returns the kind of document that makes a node of this level.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Tenant => "Tenant",
            Self::Workspace => "Workspace",
            Self::Group => "Group",
        }
    }

    /// Returns the word for a node of this level.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Tenant => "tenant",
            Self::Workspace => "workspace",
            Self::Group => "group",
        }
    }

    /// Returns the name of the file that holds a node's own document.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Organization => "organization.yaml",
            Self::Tenant => "tenant.yaml",
            Self::Workspace => "workspace.yaml",
            Self::Group => "group.yaml",
        }
    }

    /// Returns the level of a node directly below.
    #[must_use]
    pub fn below(self) -> Self {
        match self {
            Self::Organization => Self::Tenant,
            Self::Tenant => Self::Workspace,
            Self::Workspace | Self::Group => Self::Group,
        }
    }
}
