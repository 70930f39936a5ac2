"""Every column gets its decision, or the run is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbmimic.errors import ConfigError, Problem, RefusedError
from dbmimic.masks.condition import ConditionError
from dbmimic.masks.definition import GENERAL, PERSONA, SCOPE, MaskDefinition, OptionError, Promise, group_of
from dbmimic.masks.policy import Policy, entity_of
from dbmimic.masks.registry import MaskRegistry, UnknownMaskError
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.masking import Decision, Kept, Masked, MaskPlan, Step
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.ruleset import ColumnRule, KeepRule, MaskRule, Ruleset, Undecided
from dbmimic.model.schema import Column, Generated, Schema, Table
from dbmimic.model.types import Kind, LogicalType
from dbmimic.rules.cases import REASON, parts_cases
from dbmimic.rules.context import Narrowed, condition_of, context_of, held, in_key, narrowest, words
from dbmimic.rules.domains import Group, groups
from dbmimic.rules.match import Rule, column_ids, find, is_exact, unmatched
from dbmimic.rules.reaching import NoPathError, Path, path

_ONE_RULE = 'add a rule for each under rules.columns, as `NAME: redact` or `NAME: {keep: "why"}`'
_NO_RULE = (
    "no rule decides anything here: `dbmimic init` writes a first configuration, and `-c FILE` names one that is there"
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    What the rules say of a schema: the decisions, and the columns that nothing decides.

    `barred` are the columns whose values the target's engine cannot hold and which no rule replaces by NULL;
    `doubts` what is kept and may hold something else than when that was decided; `noticed` what is worth a look.
    """

    plan: MaskPlan
    undecided: tuple[ColumnId, ...]
    barred: tuple[Problem, ...] = ()
    doubts: tuple[Problem, ...] = ()
    noticed: tuple[Finding, ...] = ()

    @property
    def unfit(self) -> tuple[Problem, ...]:
        """What of the decided columns a copy is refused for: DM309 for each barred one, DM317 for each doubt."""
        return (*self.barred, *self.doubts)

    def settled(self) -> MaskPlan:
        """
        Give the plan, if it is total.

        Raises:
            RefusedError: DM301 for each undecided column, and what is `unfit`, all of them at once.
        """
        hint = _ONE_RULE if self.plan.decisions else _NO_RULE
        problems = [*self.barred, *(_undecided(column, hint) for column in self.undecided), *self.doubts]
        if problems:
            raise RefusedError.of(problems)
        return self.plan


def resolve(
    ruleset: Ruleset,
    schema: Schema,
    graph: FkGraph,
    registry: MaskRegistry,
    excluded: frozenset[TableId] = frozenset(),
) -> Resolution:
    """
    Give a decision for every column whose rows are copied.

    Columns that foreign keys join are decided as one, by the rule of the column that the others reference.

    Raises:
        ConfigError: DM205 to DM208 for each rule that names nothing, an unknown mask, or a column it does not fit.
    """
    resolver = _Resolver(ruleset, schema, graph, registry, excluded)
    resolver.problems.extend(unmatched(ruleset, schema))
    ids = [column for table, _, column in column_ids(schema) if table.id not in excluded]
    joined = groups(graph, ids)
    chosen = [resolver.chosen(group) for group in joined]
    resolver.join(joined, chosen)
    for group, rule in zip(joined, chosen, strict=True):
        resolver.decide(group, rule)
    resolver.refuse_computed_keys(graph)
    resolver.refuse_unmade()
    resolver.refuse_kept_documents(graph)
    if resolver.problems:
        raise ConfigError.of(list(dict.fromkeys(resolver.problems)))
    ordered = {column: resolver.decisions[column] for column in ids if column in resolver.decisions}
    undecided = tuple(column for column in ids if column in resolver.undecided)
    return Resolution(MaskPlan(ordered), undecided, tuple(resolver.barred(ordered)), noticed=tuple(resolver.noticed))


@dataclass(slots=True)
class _Resolver:
    """The state of one resolution: what was decided so far, and what was wrong."""

    ruleset: Ruleset
    schema: Schema
    graph: FkGraph
    registry: MaskRegistry
    excluded: frozenset[TableId]
    roots: dict[ColumnId, ColumnId] = field(default_factory=dict)  # what each column references, if it does
    domains: dict[tuple[str, str], list[ColumnId]] = field(default_factory=dict)  # by mask and domain that a rule names
    decisions: dict[ColumnId, Decision] = field(default_factory=dict)
    undecided: set[ColumnId] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    noticed: list[Finding] = field(default_factory=list)

    def chosen(self, group: Group) -> Rule | None:
        """Give the rule that decides a group."""
        rules = {column: self._rule(column) for column in group.columns}
        chosen = self._agreed(group, rules)
        if chosen is None:
            self._unheard(group, rules)
        else:
            self._object(group, rules, chosen)
        return chosen

    def join(self, joined: Sequence[Group], chosen: Sequence[Rule | None]) -> None:
        """Note which columns one domain joins, so that each is masked as the narrowest of them needs it."""
        self.roots = {column: group.root for group in joined for column in group.columns}
        for group, rule in zip(joined, chosen, strict=True):
            if rule is not None and isinstance(rule.decision, MaskRule):
                domain = rule.decision.domain or self._persona(group, rule.decision.options)
                if domain:
                    self.domains.setdefault((rule.decision.mask, domain), []).extend(group.columns)

    def _persona(self, group: Group, options: Mapping[str, object]) -> str | None:
        """Give the name of the persons that a rule's values are part of: of the key which its column leads to."""
        named = options.get(PERSONA.name)
        if not isinstance(named, str):
            return None
        try:
            owner = self._path(self.schema.table(group.root.table), named).owner
        except NoPathError:
            return None  # `_mask` tells of it
        if owner not in self.roots:
            return None
        root = self.roots[owner]
        return f"persona:{root.table.name}.{root.name}".casefold()

    def _path(self, table: Table, written: str) -> Path:
        return path(self.schema, self.graph, table, written, self.excluded)

    def refuse_computed_keys(self, graph: FkGraph) -> None:
        """Tell the user of masked keys that a generated column references: it would go on being the unmasked one."""
        for edge in graph.edges:
            for child, parent in zip(edge.child_columns, edge.parent_columns, strict=True):
                decision = self.decisions.get(edge.parent.column(parent))
                column = self.schema.table(edge.child).column(child)
                if isinstance(decision, Masked) and column is not None and column.generated is not Generated.NO:
                    reason = f"{edge.child.column(child)} references the column and is computed, so it cannot follow"
                    self.problems.append(
                        Problem("DM208", reason, decision.place, f"keep {edge.parent.column(parent)} with a reason")
                    )

    def refuse_unmade(self) -> None:
        """Tell the user of columns that a mask would be made of and cannot: unknown, computed, or made of others."""
        for column, decision in self.decisions.items():
            definition = self.registry.get(decision.mask) if isinstance(decision, Masked) else None
            if not isinstance(decision, Masked) or definition is None:
                continue
            for name in definition.row(decision.options):
                reason = self._unmade(column.table, name)
                if reason is not None:
                    text = f"mask {decision.mask} does not fit {column}: {reason}"
                    self.problems.append(Problem("DM208", text, decision.place, "name columns that the row has"))

    def _unmade(self, table: TableId, name: str) -> str | None:
        column = self.schema.table(table).column(name)
        if column is None or column.generated is not Generated.NO:
            return f"the table has no column {name} to be made of"
        other = self.decisions.get(table.column(name))
        if isinstance(other, Masked) and self.registry.get(other.mask).row(other.options):
            return f"column {name} is itself made of others"
        return None

    def refuse_kept_documents(self, graph: FkGraph) -> None:
        """Tell the user of masked keys that a kept document references: they would stand in it unmasked."""
        for edge in graph.edges:
            if edge.inside is None:
                continue
            child, parent = edge.child.column(edge.child_columns[0]), edge.parent.column(edge.parent_columns[0])
            decision = self.decisions.get(parent)
            if isinstance(decision, Masked) and isinstance(self.decisions.get(child), Kept):
                reason = f"{child} is kept and references the column, which is masked, at {edge.inside}"
                hint = f"mask {child} by `json` with the same mask and `domain` at that path"
                self.problems.append(Problem("DM208", reason, decision.place, hint))

    def decide(self, group: Group, chosen: Rule | None) -> None:
        """Decide all columns of a group by its rule."""
        if chosen is None:
            self._left_over(group)
        elif isinstance(chosen.decision, KeepRule):
            self._keep(group, chosen.decision.reason, chosen.place)
        else:
            self._mask(group, chosen.decision, chosen.place)

    def barred(self, decisions: Mapping[ColumnId, Decision]) -> Iterator[Problem]:
        """Give the decided columns that keep something of values which the target's engine cannot hold."""
        for column, decision in decisions.items():
            reason = self._column(column).barred
            if reason and not (isinstance(decision, Masked) and decision.mask == "null"):
                hint = "mask the column by `null`, or exclude its table"
                yield Problem("DM309", f"the column cannot be carried: {reason}", str(column), hint)

    def _rule(self, column: ColumnId) -> Rule | None:
        table = self.schema.table(column.table)
        return find(table, self._column(column), self.ruleset)

    def _column(self, column: ColumnId) -> Column:
        found = self.schema.table(column.table).column(column.name)
        assert found is not None, "groups are made of the schema's own columns"  # noqa: S101 - narrows the type
        return found

    def _agreed(self, group: Group, rules: Mapping[ColumnId, Rule | None]) -> Rule | None:
        """Give the one rule of the columns that the others reference."""
        roots = [rule for column in group.roots if (rule := rules[column]) is not None]
        if not roots:
            return None
        chosen = next((rule for rule in roots if isinstance(rule.decision, MaskRule)), roots[0])
        for rule in roots:
            if not _same(rule, chosen):
                names = ", ".join(str(column) for column in group.roots)
                reason = f"columns {names} are joined by foreign keys, but their rules differ"
                self.problems.append(Problem("DM208", reason, rule.place, f"decide them alike ({chosen.place})"))
        if isinstance(chosen.decision, KeepRule) and len(roots) < len(group.roots):
            return None  # values of a column that nobody decided must not come along with a kept one
        return chosen

    def _object(self, group: Group, rules: Mapping[ColumnId, Rule | None], chosen: Rule) -> None:
        """Tell the user of rules for referencing columns that the referenced one overrules."""
        for column, rule in rules.items():
            if column in group.roots or not isinstance(rule, ColumnRule) or _same(rule, chosen):
                continue
            if self._is_own(rule) and is_exact(rule):
                reason = f"column {column} references {group.root}, which is decided otherwise"
                hint = f"decide {group.root} instead ({chosen.place}); what references it follows"
                self.problems.append(Problem("DM208", reason, rule.place, hint))

    def _unheard(self, group: Group, rules: Mapping[ColumnId, Rule | None]) -> None:
        """Tell the user of masks for columns that would be kept because nothing decides the column they reference."""
        if self.ruleset.default is not Undecided.KEEP:
            return
        for column, rule in rules.items():
            if rule is not None and isinstance(rule.decision, MaskRule):
                reason = f"column {column} is to be masked and references {group.root}, which nothing decides"
                hint = f"decide {group.root}; what references it follows"
                self.problems.append(Problem("DM208", reason, rule.place, hint))

    def _is_own(self, rule: ColumnRule) -> bool:
        return any(layer.own and rule in layer.columns for layer in self.ruleset.layers)

    def _left_over(self, group: Group) -> None:
        place = "rules.default"
        alone = len(group.columns) == 1
        column = self._column(group.root)
        bare = alone and column.nullable and not in_key(self.schema.table(group.root.table), column)
        if self.ruleset.default is Undecided.KEEP:
            self._keep(group, "nothing decides it, and rules.default is keep", place)
        elif self.ruleset.default is Undecided.NULL and bare:
            self._mask(group, MaskRule("null"), place)
        else:
            self.undecided.update(group.roots)

    def _keep(self, group: Group, reason: str, place: str) -> None:
        for column in group.columns:
            follows = f"references {group.root}: {reason}" if column not in group.roots else reason
            self.decisions[column] = Kept(follows, place)

    def _mask(self, group: Group, rule: MaskRule, place: str) -> None:
        try:
            definition = self.registry.get(rule.mask)
        except UnknownMaskError as error:
            hint = (
                f"did you mean {error.nearest}?"
                if error.nearest
                else f"choose one of: {', '.join(self.registry.names())}"
            )
            self.problems.append(Problem("DM207", f"no mask is named {rule.mask}", place, hint))
            return
        try:
            options = definition.parse(rule.options)
        except OptionError as error:
            known = {parameter.name for parameter in (*definition.parameters, *GENERAL)}
            code = "DM204" if error.option in known else "DM203"
            self.problems.append(
                Problem(code, f"mask {rule.mask}: {error}", place, "see the mask's options in the README")
            )
            return
        named = rule.domain or self._persona(group, options)
        alike = self.domains[rule.mask, named] if named else group.columns
        narrowed = narrowest(held(self.schema.table(one.table), self._column(one)) for one in alike)
        is_key = len(group.columns) > 1 or any(
            in_key(self.schema.table(column.table), self._column(column)) for column in group.columns
        )
        domain = named or _domain(definition, group, is_key=is_key)
        policy = Policy.of(definition, options)
        for column in group.columns:
            table = self.schema.table(column.table)
            entity, steps, lost = self._entity(table, definition, options, policy)
            reason = self._misfit(group, table, column, definition, options, narrowed)
            reason = (
                reason
                or lost
                or _alone(group, policy, definition, options)
                or _beside(table, entity, options, definition)
                or _one(table, column, policy)
            )
            if reason is not None:
                self.problems.append(
                    Problem("DM208", f"mask {rule.mask} does not fit {column}: {reason}", place, _OTHER)
                )
            self.decisions[column] = Masked(
                mask=rule.mask,
                domain=domain,
                place=place,
                options=options,
                entity=entity,
                steps=steps,
                follows=None if column == group.root else group.root,
                length=narrowed.length,
                low_bits=narrowed.low_bits,
                digits=narrowed.digits if definition.numbers_rows else (),
                group=group_of(options) if definition.counted else (),
                scope=policy.scope,
            )

    def _entity(
        self, table: Table, definition: MaskDefinition, options: Mapping[str, object], policy: Policy
    ) -> tuple[tuple[str, ...], tuple[Step, ...], str | None]:
        """Give the columns that say to whom the value belongs (an option's, or the row's own key), and why none do."""
        named = options.get(entity_of(definition) or "") or policy.persona
        if isinstance(named, str):
            try:
                found = self._path(table, named)
            except NoPathError as error:
                return (), (), f"option {PERSONA.name if policy.persona else entity_of(definition)!r}: {error}"
            return found.columns, found.steps, None
        if (policy.scope != "row" and not definition.counted) or table.stable_key is None:
            return (), (), None
        return table.stable_key.columns, (), None

    def _parted(self, group: Group, column: ColumnId, joined: Sequence[LogicalType]) -> str | None:
        """
        Give the reason against a mask that parts what a type takes for one.

        A collation takes keys for one that are mostly spelt alike all the same: there it is worth a warning.
        """
        if all(logical.caseless for logical in joined):
            return REASON
        if column == group.root:
            self.noticed.append(Finding("DM234", Severity.WARNING, str(column), REASON, _FOLDED))
        return None

    def _misfit(
        self,
        group: Group,
        table: Table,
        column: ColumnId,
        definition: MaskDefinition,
        options: Mapping[str, object],
        narrowed: Narrowed,
    ) -> str | None:
        found = self._column(column)
        relaxed = Policy.of(definition, options).unique == "off"
        if in_key(table, found) and Promise.UNIQUE not in definition.promises and not relaxed:
            return "the column is part of a key, and the mask may give two rows the same value"
        context = context_of(table, found, narrowed)
        reason = self.registry.misfit(definition.name, options, context)
        if reason is None:
            joined = [self._column(each).logical for each in group.columns]
            if parts_cases(self.registry, definition, options, context, joined):
                reason = self._parted(group, column, joined)
        members, check = words(table, found)
        if reason is None and members and found.logical.kind is Kind.TEXT and definition.name not in _AS_TOLD:
            listed = replace(context, type=replace(context.type, kind=Kind.ENUM))
            reason = self.registry.misfit(definition.name, options, listed)
            if reason is not None:
                return f"{reason}: the check {check} lets it hold one of {len(members)} words"
        return reason


_FOLDED = "a key that occurs in more than one case would dangle in the copy (DM601): take a mask that folds case"
_AS_TOLD = frozenset(("python", "faker", "pattern", "template"))  # give the words that somebody told them to

_OTHER = "choose another mask for the column, or keep it with a reason"


def _domain(definition: MaskDefinition, group: Group, *, is_key: bool) -> str:
    """
    Give the name of the derived key: the mask's own domain, so that one person has one name everywhere; for numbers and
    codes that are keys a domain of their own, so that two tables' ids cannot be joined on being equal.
    """
    if is_key and definition.numbers_rows:
        return f"{definition.domain}:{group.root.table.name}.{group.root.name}".casefold()
    return definition.domain


def _alone(group: Group, policy: Policy, definition: MaskDefinition, options: Mapping[str, object]) -> str | None:
    """Say what a rule asks of one row that columns joined by a foreign key cannot ask alike, or None."""
    if len(group.columns) == 1:
        return None
    asked = [
        *(["when"] if policy.when is not None else []),
        *(["nulls"] if policy.nulls == "mask" else []),
        *(["scope: row"] if policy.scope == "row" else []),
        *(["persona"] if policy.persona is not None else []),
        *([definition.name] if definition.row(options) or definition.counted else []),
    ]
    return f"a foreign key joins it to others, which cannot follow `{asked[0]}`" if asked else None


def _one(table: Table, column: ColumnId, policy: Policy) -> str | None:
    """Say where two rows of one person would get one value in a column that must be unique, or None."""
    if policy.persona is None or policy.unique == "off" or not any(column.name in key.columns for key in table.keys):
        return None
    if any(key.columns == (policy.persona,) for key in table.keys):
        return None
    return f"the column is part of a key, and two rows of one {policy.persona} would have the same value"


def _beside(
    table: Table, entity: tuple[str, ...], options: Mapping[str, object], definition: MaskDefinition
) -> str | None:
    """Say what is not there that the mask would read beside the column, or None."""
    for name in (*entity, *(group_of(options) if definition.counted else ())):
        column = table.column(name)
        if column is None or column.generated is not Generated.NO:
            return f"the table has no column {name} to read beside it"
    if not entity and (options.get(SCOPE.name) == "row" or definition.counted):
        return "the table has no key, so its rows cannot be told apart"
    try:
        condition_of(table, options)
    except ConditionError as error:
        return f"option 'when': {error}"
    return None


def _same(one: Rule, other: Rule) -> bool:
    """Tell whether two rules decide alike; two reasons for keeping are alike."""
    if isinstance(one.decision, KeepRule) or isinstance(other.decision, KeepRule):
        return isinstance(one.decision, KeepRule) and isinstance(other.decision, KeepRule)
    return one.decision == other.decision


def _undecided(column: ColumnId, hint: str) -> Problem:
    return Problem("DM301", "nothing decides whether this column is masked or kept", str(column), hint)
