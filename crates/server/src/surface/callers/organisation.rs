//! The calls of the session API about a user's organisation, which this dialect's clients call a subscription.
use super::answers::{
    BY_API_KEY, INVALID, LAST_OWNER, MALFORMED, MEMBER_ALREADY, NAME_TAKEN, NO_FELLOW, NO_ORGANISATION,
    POSTED, REFUSED, ROLE, TOO_MANY_CODES, empty, good,
};
use super::call::Method::{Get, Post, Put};
use super::call::{Answer, Asked, Call, JSON, PLAIN, Parameter, Place, Shape};

const ACCESS: &[&[&str]] = &[&["access-token"]];
const TAG: &str = "organisation";
const USER: &[Parameter] = &[Parameter {
    name: "userId",
    place: Place::Path,
    required: true,
    about: "The user id: all that follows, slashes too.",
}];
const ROLE_WANTED: Option<Asked> = Some(Asked { media: JSON, object: "RoleWanted", required: false });

/// The calls.
pub(super) static CALLS: [Call; 8] = [
    Call {
        method: Get,
        path: "subscription",
        id: "show_own_subscription",
        tag: TAG,
        summary: "Show the user's organisation and role.",
        about: "",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[&[good("It.", Shape::Object("Subscription"))], REFUSED, POSTED],
    },
    Call {
        method: Put,
        path: "subscription/name",
        id: "rename_subscription",
        tag: TAG,
        summary: "Give the organisation another name; for its admins and owners.",
        about: "",
        proofs: ACCESS,
        parameters: &[Parameter {
            name: "subscriptionName",
            place: Place::Query,
            required: true,
            about: "The new name.",
        }],
        body: None,
        answers: &[
            &[
                good("The organisation.", Shape::Object("Subscription")),
                MALFORMED,
                INVALID,
                BY_API_KEY,
                ROLE,
                NO_ORGANISATION,
                NAME_TAKEN,
            ],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "subscription/invite",
        id: "invite_to_subscription",
        tag: TAG,
        summary: "Make a join code for one user; for admins and owners.",
        about: "The role is at most the inviter's, and may stand in the query or in the body; without one it is MEMBER.",
        proofs: ACCESS,
        parameters: &[Parameter {
            name: "role",
            place: Place::Query,
            required: false,
            about: "MEMBER, ADMIN or OWNER, in whatever case.",
        }],
        body: ROLE_WANTED,
        answers: &[
            &[
                Answer {
                    status: 200,
                    when: "The join code, which works once.",
                    body: Some((PLAIN, Shape::Text)),
                    headers: &[],
                },
                MALFORMED,
                BY_API_KEY,
                ROLE,
                NO_ORGANISATION,
                TOO_MANY_CODES,
            ],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "subscription/invite/{code}",
        id: "join_subscription",
        tag: TAG,
        summary: "Join an organisation by a join code.",
        about: "The session goes on with the tokens of the answer, which name the organisation.",
        proofs: ACCESS,
        parameters: &[Parameter {
            name: "code",
            place: Place::Path,
            required: true,
            about: "The join code. It is written to no log.",
        }],
        body: None,
        answers: &[
            &[
                good("The session's new tokens.", Shape::Object("SessionTokens")),
                INVALID,
                BY_API_KEY,
                MEMBER_ALREADY,
            ],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Get,
        path: "subscription/users",
        id: "list_subscription_users",
        tag: TAG,
        summary: "List everyone in the organisation with their roles.",
        about: "",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[&[good("They.", Shape::Object("SubscriptionUsers")), NO_ORGANISATION], REFUSED, POSTED],
    },
    Call {
        method: Post,
        path: "subscription/leave",
        id: "leave_subscription",
        tag: TAG,
        summary: "Leave the organisation.",
        about: "",
        proofs: ACCESS,
        parameters: &[],
        body: None,
        answers: &[
            &[empty(204, "The user has left."), BY_API_KEY, NO_ORGANISATION, LAST_OWNER],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "subscription/remove/{userId}",
        id: "remove_from_subscription",
        tag: TAG,
        summary: "Take a user of a lesser role out of the organisation; for admins and owners.",
        about: "",
        proofs: ACCESS,
        parameters: USER,
        body: None,
        answers: &[
            &[empty(204, "The user is out."), BY_API_KEY, ROLE, NO_FELLOW, NO_ORGANISATION],
            REFUSED,
            POSTED,
        ],
    },
    Call {
        method: Post,
        path: "subscription/setrole/{userId}",
        id: "set_subscription_role",
        tag: TAG,
        summary: "Give a user of the organisation another role; for owners.",
        about: "The role may stand in the query or in the body.",
        proofs: ACCESS,
        parameters: &[
            Parameter {
                name: "userId",
                place: Place::Path,
                required: true,
                about: "The user id: all that follows, slashes too.",
            },
            Parameter {
                name: "role",
                place: Place::Query,
                required: false,
                about: "MEMBER, ADMIN or OWNER, in whatever case.",
            },
        ],
        body: ROLE_WANTED,
        answers: &[
            &[
                empty(204, "The user has that role."),
                MALFORMED,
                BY_API_KEY,
                ROLE,
                NO_FELLOW,
                NO_ORGANISATION,
                LAST_OWNER,
            ],
            REFUSED,
            POSTED,
        ],
    },
];
