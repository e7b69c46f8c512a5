//! What `mapping-config` does.

use shared::id::ObjectKind;

/// What the function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Lists what matching can name.
    Metadata,
    /// Lists what fields can name.
    Catalog,
    /// Says what reading a kind comes to.
    Estimate,
    /// Shows the matching.
    ReadMatching,
    /// Saves or tries the matching.
    PutMatching,
    /// Puts the matching back that the last change replaced.
    UndoMatching,
    /// Shows whose usage counts in no field.
    ReadExclusions,
    /// Saves or tries whose usage counts in no field.
    PutExclusions,
    /// Says whose the events are that are nobody's.
    Unmatched,
    /// Shows a list of the directory.
    ReadObjects(ObjectKind),
    /// Merges an upload into a list.
    Upload(ObjectKind),
    /// Deletes from a list.
    DeleteObjects(ObjectKind),
    /// Shows all fields.
    ListFields,
    /// Creates a field.
    CreateField,
    /// Tries a field.
    PreviewField,
    /// Shows a field.
    ReadField,
    /// Gives a field another definition.
    EditField,
    /// Deletes a field.
    DeleteField,
    /// Shows what a field computed before.
    Versions,
    /// Shows two versions of a field side by side.
    CompareVersions,
    /// Shows matching, exclusions and fields as one file.
    ReadConfiguration,
    /// Takes matching, exclusions and fields from a file, or tells what that would change.
    PutConfiguration,
    /// Shows values.
    Values,
    /// Shows a value day by day.
    History,
    /// Takes a value apart.
    Explain,
    /// Shows accounts beside each other.
    Peers,
    /// Shows stored rows.
    Usage,
    /// Shows the status.
    Status,
    /// Asks for a run.
    Sync,
    /// Shows the trail of changes.
    Audit,
    /// Shows all signals.
    ListSignals,
    /// Creates a signal.
    CreateSignal,
    /// Shows indicators that are ready but for some names.
    SignalTemplates,
    /// Tries a signal.
    PreviewSignal,
    /// Shows what signals told.
    SignalEvents,
    /// Shows a signal.
    ReadSignal,
    /// Changes a signal.
    EditSignal,
    /// Deletes a signal.
    DeleteSignal,
    /// Shows objects as a signal has them.
    SignalObjects,
    /// Does something with objects by hand.
    ActOnSignal,
    /// Says what a playbook did.
    Impact,
    /// Says how well an indicator foretold expansions.
    Calibration,
    /// Shows renewals with their risk.
    Renewals,
    /// Shows an object as a signal would have had it.
    ReplaySignal,
}
