// two messages are there: First, from ann@example.com with an attachment, and Second
describe("cypress-mailhog", () => {
  it("lists, finds, reads and deletes", () => {
    const first = () => cy.mhGetMailsBySubject("First").mhFirst();
    cy.mhWaitForMails(1);
    cy.mhGetAllMails().should("have.length", 2).mhFirst().mhGetSubject().should("eq", "Second");
    cy.mhHasMailWithSubject("First");
    cy.mhHasMailFrom("ann@example.com");
    cy.mhHasMailTo("hidden@example.net");
    cy.mhSearchMails("containing", "your code").should("have.length", 1);
    cy.mhSearchMails("to", "hidden@example.net").should("have.length", 1);
    cy.mhGetAllMails().mhFilterBySender("ann@example.com").mhFilterByRecipient("hidden@example.net")
      .mhFilterBySubject("First").should("have.length", 1);
    first().mhGetAttachments().should("deep.equal", ["note.txt"]);
    first().mhGetSender().should("eq", "ann@example.com");
    first().mhGetRecipients().should("deep.equal", ["bob@example.net", "hidden@example.net"]);
    first().mhGetBody().should("contain", "your code is 1234");
    cy.mhGetJimMode().should("eq", false);
    cy.mhSetJimMode(true);
    cy.mhGetJimMode().should("eq", true);
    cy.mhSetJimMode(false);
    cy.mhDeleteAll();
    cy.mhGetAllMails().should("have.length", 0);
  });
});
