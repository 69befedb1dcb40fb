//! What a matching image must have, as SQL: counted, looked up, or leading a list.

use super::database::{Connection, Dialect, Value};
use super::metadata::{ZONE_MS, is_number, number};
use super::rows::first;
use super::sql::Sql;
use super::{CatalogError, Creator, ListCursor, SortOrder};
use safelight_domain::account::AccountId;

/// What is listed, apart from the conditions.
#[derive(Clone)]
pub(super) struct List {
    /// Whose.
    pub account: AccountId,
    /// In which order.
    pub order: SortOrder,
    /// From where on.
    pub after: Option<ListCursor>,
}

/// What an image must have.
pub(super) enum Condition {
    /// One of these values in a field.
    AnyOf {
        /// See `find_field`.
        field: i64,
        /// All different.
        values: Vec<Value>,
    },
    /// This creator, or none.
    Creator(Option<Creator>),
    /// A number from `low` to `high` in a field.
    Range {
        /// See `find_field`.
        field: i64,
        /// Included.
        low: f64,
        /// Included.
        high: f64,
    },
}

/// Candidates are read in chunks, each so much larger than the one before: a page that is soon full reads
/// few, and one that takes many asks few times.
pub(super) const CHUNK_GROWTH: usize = 4;

/// Most candidates that are read at once.
pub(super) const LARGEST_CHUNK: usize = 10_000;

/// How a range leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeLead {
    /// Its images are sorted, so they must be few.
    Sorted,
    /// The numbers of the field are walked in the order of the list, zone by zone.
    Walked,
}

impl Condition {
    /// How many images have it, counted no further than `most`.
    pub(super) fn count(
        &self,
        connection: &dyn Connection,
        account: &AccountId,
        most: u32,
    ) -> Result<u32, CatalogError> {
        let mut sql = Sql::default();
        sql.add("SELECT count(*) FROM (SELECT 1 FROM ");
        match self {
            Condition::AnyOf { field, values } => sql.append(of_values("metadata_values", *field, values)),
            Condition::Creator(creator) => sql.append(of_creator("images", account, creator.as_ref())),
            Condition::Range { field, low, high } => {
                sql.add("metadata_values WHERE field = ").bind(Value::Integer(*field));
                sql.append(between("value", *low, *high, connection.dialect()))
            }
        };
        sql.add(" LIMIT ").bind(Value::Integer(i64::from(most))).add(") AS counted");
        let count = first(connection, &sql.text, &sql.values[..], |row| Ok(row.get(0)?))?;
        Ok(count.unwrap_or(0))
    }

    /// Whether a candidate `m`, whose id is the column `id`, has it: one look into an index.
    fn probe(&self, account: &AccountId, id: &str, dialect: Dialect) -> Sql {
        let mut sql = Sql::default();
        sql.add("EXISTS (SELECT 1 FROM ");
        let same = |column: &str| format!(" AND p.uploaded_ms = m.uploaded_ms AND p.{column} = {id})");
        match self {
            Condition::AnyOf { field, values } => {
                sql.append(of_values("metadata_values AS p", *field, values)).add(&same("image"))
            }
            Condition::Creator(creator) => {
                sql.append(of_creator("images AS p", account, creator.as_ref())).add(&same("id"))
            }
            Condition::Range { field, low, high } => {
                sql.add("metadata_values AS p INDEXED BY metadata_numbers WHERE p.field = ");
                sql.bind(Value::Integer(*field)).add(" AND ").add(&is_number("p.value", dialect));
                sql.append(between("p.value", *low, *high, dialect)).add(&same("image"))
            }
        };
        sql
    }

    /// How many queries it leads by.
    pub(super) fn leads(&self) -> usize {
        match self {
            Condition::AnyOf { values, .. } => values.len(),
            Condition::Creator(_) | Condition::Range { .. } => 1,
        }
    }

    /// A query whose rows are the next `most` candidates in the order of the list: upload time, id, and
    /// whether the candidate has all conditions. `which` is below [`Condition::leads`].
    pub(super) fn lead(
        &self,
        which: usize,
        others: &[Condition],
        list: &List,
        range: RangeLead,
        most: usize,
        dialect: Dialect,
    ) -> Sql {
        const BY_VALUE: [&str; 2] = ["m.uploaded_ms", "m.image"];
        let all = Sql::default();
        let mut candidates = match self {
            Condition::AnyOf { field, values } => {
                let value = values.get(which).into_iter().cloned().collect::<Vec<_>>();
                candidates(
                    of_values("metadata_values AS m", *field, &value),
                    all,
                    others,
                    list,
                    &BY_VALUE,
                    dialect,
                )
            }
            Condition::Creator(creator) => {
                let source = of_creator("images AS m", &list.account, creator.as_ref());
                candidates(source, all, others, list, &["m.uploaded_ms", "m.id"], dialect)
            }
            Condition::Range { field, low, high } if range == RangeLead::Sorted => {
                let mut source = Sql::default();
                source.add("metadata_values AS m WHERE m.field = ").bind(Value::Integer(*field));
                source.append(between("m.value", *low, *high, dialect));
                candidates(source, all, others, list, &BY_VALUE, dialect)
            }
            Condition::Range { field, low, high } => {
                let by_zone = ["z.zone", "m.uploaded_ms", "m.image"];
                let inside = between("m.value", *low, *high, dialect);
                candidates(zones(*field, *low, *high, list, dialect), inside, others, list, &by_zone, dialect)
            }
        };
        candidates.add(" LIMIT ").bind_count(most);
        candidates
    }
}

/// All numbers of a field in the zones that may have one of the range.
fn zones(field: i64, low: f64, high: f64, list: &List, dialect: Dialect) -> Sql {
    let mut sql = Sql::default();
    // SQLite takes this as the order of its loops.
    let join = dialect.pick("CROSS JOIN", "JOIN");
    sql.add(&format!("metadata_zones AS z {join} metadata_values AS m INDEXED BY metadata_numbers"));
    sql.add(" ON m.field = z.field AND ").add(&is_number("m.value", dialect));
    sql.add(&format!(
        " AND m.uploaded_ms >= z.zone * {ZONE_MS} AND m.uploaded_ms < (z.zone + 1) * {ZONE_MS}"
    ));
    sql.add(" WHERE z.field = ").bind(Value::Integer(field));
    sql.add(" AND z.low <= ").bind(Value::Real(high)).add(" AND z.high >= ").bind(Value::Real(low));
    if let Some(after) = &list.after {
        let side = match list.order {
            SortOrder::Ascending => " AND z.zone >= ",
            SortOrder::Descending => " AND z.zone <= ",
        };
        sql.add(side).bind(Value::Integer(after.uploaded_ms.div_euclid(ZONE_MS)));
    }
    sql
}

/// The rows of `source` that come after the cursor. `own` begins with AND or is empty; the last of the
/// columns of the order is the id.
fn candidates(
    source: Sql,
    own: Sql,
    others: &[Condition],
    list: &List,
    order: &[&str],
    dialect: Dialect,
) -> Sql {
    let id = order.last().copied().unwrap_or_default();
    let mut sql = Sql::default();
    sql.add("SELECT m.uploaded_ms, ").add(id).add(", TRUE").append(own);
    for other in others {
        sql.add(" AND ").append(other.probe(&list.account, id, dialect));
    }
    sql.add(" FROM ").append(source);
    let (beyond, direction) = match list.order {
        SortOrder::Ascending => (">", "ASC"),
        SortOrder::Descending => ("<", "DESC"),
    };
    if let Some(after) = &list.after {
        sql.add(&format!(" AND (m.uploaded_ms, {id}) {beyond} ("));
        sql.bind(Value::Integer(after.uploaded_ms)).add(", ");
        sql.bind(Value::Text(after.id.as_str().to_owned())).add(")");
    }
    let order: Vec<String> = order.iter().map(|column| format!("{column} {direction}")).collect();
    sql.add(" ORDER BY ").add(&order.join(", "));
    sql
}

fn of_values(table: &str, field: i64, values: &[Value]) -> Sql {
    let mut sql = Sql::default();
    sql.add(table).add(" WHERE field = ").bind(Value::Integer(field)).add(" AND value ");
    match values {
        [value] => sql.add("= ").bind(value.clone()),
        values => {
            sql.add("IN (");
            sql.list(values.to_vec()).add(")")
        }
    };
    sql
}

fn of_creator(table: &str, account: &AccountId, creator: Option<&Creator>) -> Sql {
    let mut sql = Sql::default();
    sql.add(table).add(" INDEXED BY images_by_creator WHERE account = ");
    sql.bind(Value::Text(account.as_str().to_owned()));
    match creator {
        None => sql.add(" AND creator IS NULL"),
        Some(creator) => sql.add(" AND creator = ").bind(Value::Text(creator.as_str().to_owned())),
    };
    sql
}

fn between(column: &str, low: f64, high: f64, dialect: Dialect) -> Sql {
    let mut sql = Sql::default();
    sql.add(" AND ").add(column).add(" BETWEEN ").bind(number(low, dialect)).add(" AND ");
    sql.bind(number(high, dialect));
    sql
}
