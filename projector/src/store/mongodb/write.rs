//! Writing a batch: guarded upserts, sweeps, the cursor, each acknowledged by a majority before the next.
//!
//! A guarded upsert is `{q: {_id, version: {$lt: n}}, u: document, upsert: true}`. Where the stored version is not lower, MongoDB finds
//! nothing to update, tries to insert, and reports the duplicate `_id` (11000). That is "stale", but for one case: where two insert the same
//! `_id` first at the same time, the higher version can be the one that is reported. Once the document is there, a second try tells: so
//! those that were reported are sent once more, and only what is reported again is stale.
//!
//! What is probably new is inserted first, which costs half as much; what is reported as a duplicate then takes the guarded way.

use super::attempt::{Failure, is_passing};
use super::{CURSORS, LOG, MongoDb, cursor_document};
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::store::StoreError;
use crate::store::limits::{COMMAND_BYTES_MAX, COMMAND_STATEMENTS_MAX};
use crate::{Batch, Collection, Sweep, Upsert};
use bson::raw::{CStr, cstr};
use bson::{Bson, Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use gavel_core::{LogId, Position};

/// MongoDB's code for a second document with the same `_id`.
const DUPLICATE_KEY: i32 = 11_000;
/// Bytes of a statement beside its document, at most.
const STATEMENT_BYTES: usize = 256;

/// A command that writes: its name, and the field that its statements are in.
type Verb = (&'static CStr, &'static CStr);
const INSERT: Verb = (cstr!("insert"), cstr!("documents"));
const UPDATE: Verb = (cstr!("update"), cstr!("updates"));

/// A statement that MongoDB did not carry out.
struct WriteError {
    /// Which one of its command.
    index: usize,
    code: i32,
    reason: String,
}

impl MongoDb {
    pub(super) async fn write_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        let Batch { shard, auctions, others, sweeps, cursor } = batch;
        assert_eq!(cursor.shard, *shard, "a batch is of one shard");
        self.upsert_all(auctions).await?;
        self.upsert_all(others).await?;
        self.sweep_all(sweeps).await?;
        self.move_cursor(*cursor).await
    }

    async fn upsert_all(&self, upserts: &[Upsert]) -> Result<(), StoreError> {
        // Neighbours that go the same way make a command.
        for alike in upserts.chunk_by(|a, b| (a.collection, a.is_new) == (b.collection, b.is_new)) {
            let mut rest = alike;
            while !rest.is_empty() {
                let (command, behind) = rest.split_at(fitting(rest)?);
                self.upsert(command).await?;
                rest = behind;
            }
        }
        Ok(())
    }

    /// Upserts of one collection that fit one command.
    async fn upsert(&self, upserts: &[Upsert]) -> Result<(), StoreError> {
        let mut left: Vec<&Upsert> = upserts.iter().collect();
        if upserts.first().is_some_and(|first| first.is_new) {
            left = self.insert_once(&left).await?;
        }
        left = self.upsert_once(&left).await?;
        let _stale = self.upsert_once(&left).await?;
        Ok(())
    }

    /// Gives those that there are already.
    async fn insert_once<'a>(&self, upserts: &[&'a Upsert]) -> Result<Vec<&'a Upsert>, StoreError> {
        let mut documents = RawArrayBuf::new();
        upserts.iter().for_each(|upsert| documents.push(&*upsert.document));
        self.duplicates(upserts, INSERT, &documents).await
    }

    /// Gives those that were reported as duplicates.
    async fn upsert_once<'a>(&self, upserts: &[&'a Upsert]) -> Result<Vec<&'a Upsert>, StoreError> {
        let mut statements = RawArrayBuf::new();
        for upsert in upserts {
            let Upsert { id, version, document, .. } = upsert;
            let guard = rawdoc! { "_id": id.as_str(), "version": { "$lt": *version } };
            let mut statement = rawdoc! { "q": guard, "upsert": true };
            statement.append(cstr!("u"), &**document);
            statements.push(statement);
        }
        self.duplicates(upserts, UPDATE, &statements).await
    }

    /// Sends a command with a statement for each of these, and gives those whose statement met a duplicate.
    async fn duplicates<'a>(
        &self,
        upserts: &[&'a Upsert],
        verb: Verb,
        statements: &RawArrayBuf,
    ) -> Result<Vec<&'a Upsert>, StoreError> {
        let Some(collection) = upserts.first().map(|first| first.collection) else { return Ok(Vec::new()) };
        let errors = self.send(verb, collection.name(), statements, false, "write documents").await?;
        let mut duplicates = Vec::new();
        for WriteError { index, code, reason } in errors {
            let Some(&upsert) = upserts.get(index) else { continue };
            if code != DUPLICATE_KEY {
                return Err(StoreError::Document { collection, id: upsert.id.clone(), code, reason });
            }
            duplicates.push(upsert);
        }
        Ok(duplicates)
    }

    /// In their order: the next begins when the one before is done.
    async fn sweep_all(&self, sweeps: &[Sweep]) -> Result<(), StoreError> {
        for of_one in sweeps.chunk_by(|a, b| a.collection == b.collection) {
            for sweeps in of_one.chunks(COMMAND_STATEMENTS_MAX) {
                let mut statements = RawArrayBuf::new();
                for sweep in sweeps {
                    statements.push(sweep_statement(sweep)?);
                }
                let collection = sweeps[0].collection;
                let errors =
                    self.send(UPDATE, collection.name(), &statements, true, "sweep documents").await?;
                if let Some(WriteError { index, code, reason }) = errors.into_iter().next() {
                    let id = sweeps.get(index).map(|sweep| format!("{}*", sweep.first_id()));
                    return Err(StoreError::Document {
                        collection,
                        id: id.unwrap_or_default(),
                        code,
                        reason,
                    });
                }
            }
        }
        Ok(())
    }

    /// Forward alone: where it is as far already, MongoDB reports a duplicate, and nothing changes.
    async fn move_cursor(&self, cursor: Position) -> Result<(), StoreError> {
        let (id, version, document) = cursor_document(cursor);
        let statement =
            doc! { "q": { "_id": id, "version": { "$lt": version } }, "u": document, "upsert": true };
        let mut statements = RawArrayBuf::new();
        statements.push(raw(&statement)?);
        // The second time for two that write the first cursor of a shard at once.
        for _ in 0..2 {
            let errors = self.send(UPDATE, CURSORS, &statements, false, "move the cursor").await?;
            match errors.into_iter().next() {
                None => return Ok(()),
                Some(WriteError { code: DUPLICATE_KEY, .. }) => {}
                Some(WriteError { code, reason, .. }) => {
                    let reason = format!("{reason} [{code}]");
                    return Err(StoreError::Refused { operation: "move the cursor", reason });
                }
            }
        }
        Ok(())
    }

    /// Notes whose log the documents are of, where nothing is noted yet.
    pub(super) async fn note_log(&self, log: LogId) -> Result<(), StoreError> {
        let mut statements = RawArrayBuf::new();
        statements.push(raw(&doc! { "_id": LOG, "log": log.to_string() })?);
        let errors = self.send(INSERT, CURSORS, &statements, false, "note which log it is for").await?;
        match errors.into_iter().next() {
            None | Some(WriteError { code: DUPLICATE_KEY, .. }) => Ok(()),
            Some(WriteError { code, reason, .. }) => {
                let reason = format!("{reason} [{code}]");
                Err(StoreError::Refused { operation: "note which log it is for", reason })
            }
        }
    }

    async fn send(
        &self,
        (verb, field): Verb,
        collection: &str,
        statements: &RawArrayBuf,
        ordered: bool,
        operation: &'static str,
    ) -> Result<Vec<WriteError>, StoreError> {
        let limit = i64::try_from(self.limits.operation.as_millis()).unwrap_or(i64::MAX);
        let mut command = RawDocumentBuf::new();
        command.append(verb, collection);
        command.append(cstr!("ordered"), ordered);
        command.append(cstr!("maxTimeMS"), limit);
        command.append(cstr!("writeConcern"), rawdoc! { "w": "majority", "j": true, "wtimeout": limit });
        command.append(field, statements);
        self.persist(operation, || async {
            let answer = self.database.run_raw_command(command.clone()).await?;
            errors_in(&answer)
        })
        .await
    }
}

/// The errors of single statements in an answer; a failure where the write as a whole is not acknowledged.
fn errors_in(answer: &Document) -> Result<Vec<WriteError>, Failure> {
    if let Ok(concern) = answer.get_document("writeConcernError") {
        return Err(Failure::Passing(format!("not acknowledged by a majority: {}", text(concern))));
    }
    let Ok(reported) = answer.get_array("writeErrors") else { return Ok(Vec::new()) };
    let reported = reported.iter().filter_map(Bson::as_document).map(|error| {
        let code = error.get_i32("code").unwrap_or_default();
        if is_passing(code) {
            return Err(Failure::Passing(text(error)));
        }
        let index = error.get_i32("index").ok().and_then(|index| usize::try_from(index).ok());
        Ok(WriteError { index: index.unwrap_or_default(), code, reason: text(error) })
    });
    reported.collect()
}

fn text(error: &Document) -> String {
    error.get_str("errmsg").unwrap_or("no reason given").to_owned()
}

/// How many of these fit one command.
fn fitting(upserts: &[Upsert]) -> Result<usize, StoreError> {
    let mut bytes = 0;
    for (number, upsert) in upserts.iter().enumerate().take(COMMAND_STATEMENTS_MAX) {
        let document = upsert.document.as_bytes().len();
        if document > DOCUMENT_BYTES_MAX {
            let Upsert { collection, ref id, .. } = *upsert;
            return Err(StoreError::TooLarge { collection, id: id.clone(), bytes: document });
        }
        bytes += document + STATEMENT_BYTES;
        if bytes > COMMAND_BYTES_MAX && number > 0 {
            return Ok(number);
        }
    }
    Ok(upserts.len().min(COMMAND_STATEMENTS_MAX))
}

fn sweep_statement(sweep: &Sweep) -> Result<RawDocumentBuf, StoreError> {
    let mut documents = doc! {
        "_id": { "$gte": sweep.first_id(), "$lt": sweep.end_id() },
        "version": { "$lt": sweep.version },
    };
    if sweep.collection == Collection::Bidders {
        // For the index of those who lead: there may be very many others.
        documents.insert("auction", sweep.auction.to_string());
    }
    documents.extend(
        sweep.only.iter().map(|(field, values)| ((*field).to_owned(), doc! { "$in": values }.into())),
    );
    let mut set: Document =
        sweep.set.iter().map(|(field, value)| ((*field).to_owned(), value.clone())).collect();
    set.insert("version", sweep.version);
    raw(&doc! { "q": documents, "u": { "$set": set }, "multi": true })
}

fn raw(document: &Document) -> Result<RawDocumentBuf, StoreError> {
    RawDocumentBuf::try_from(document)
        .map_err(|error| StoreError::Refused { operation: "encode a command", reason: error.to_string() })
}
